// Each stage and whole chains against numpy (scripts/references/sample_stages.py): the exact set of survivors by
// what is ever drawn, the probabilities by a chi-square test of what is drawn.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "sample/candidates.h"
#include "sample/sampler.h"
#include "sample/temperature.h"
#include "sample/top_k.h"

namespace quipu::sample {
namespace {

using nlohmann::json;

const json& cases() {
  static const json all = [] {
    std::ifstream file(QUIPU_REFERENCES_DIR "/sample/stages.json");
    return file ? json::parse(file) : json();
  }();
  return all;
}

SamplingParams params_of(const json& c) {
  const json& p = c["params"];
  SamplingParams s;
  s.temperature = p["temperature"], s.dynatemp_range = p["dynatemp_range"];
  s.dynatemp_exponent = p["dynatemp_exponent"], s.top_k = p["top_k"], s.top_p = p["top_p"], s.min_p = p["min_p"];
  s.typical_p = p["typical_p"], s.top_n_sigma = p["top_n_sigma"], s.xtc_probability = p["xtc_probability"];
  s.xtc_threshold = p["xtc_threshold"], s.repeat_penalty = p["repeat_penalty"];
  s.presence_penalty = p["presence_penalty"], s.frequency_penalty = p["frequency_penalty"];
  s.repeat_last_n = p["repeat_last_n"], s.dry_multiplier = p["dry_multiplier"], s.dry_base = p["dry_base"];
  s.dry_allowed_length = p["dry_allowed_length"], s.dry_penalty_last_n = p["dry_penalty_last_n"];
  s.dry_sequence_breakers = p["dry_sequence_breakers"].get<std::vector<std::string>>();
  s.min_keep = p["min_keep"];
  for (const json& bias : p["logit_bias"]) s.logit_bias.emplace_back(bias[0], bias[1]);
  s.order = c["order"].get<std::vector<std::string>>();
  return s;
}

std::string_view letter(Token t) {
  static const std::string letters = "abcdefghijklmnopqrstuvwxyz";
  return std::string_view(letters).substr(static_cast<size_t>(t % 26), 1);
}

// How far a chi-square value of `freedom` degrees lies from its mean, in standard normal units (Wilson, Hilferty 1931).
double normal_score(double chi_square, double freedom) {
  const double v = 2.0 / (9.0 * freedom);
  return (std::cbrt(chi_square / freedom) - (1.0 - v)) / std::sqrt(v);
}

TEST(Stages, DrawFromTheReferencesDistribution) {
  if (cases().is_null()) GTEST_SKIP() << "scripts/references.sh has not made sample/stages.json";
  size_t n_cases = 0;
  double sum_of_scores = 0.0;
  size_t n_scores = 0;
  for (const json& c : cases()) {
    SCOPED_TRACE("case " + std::to_string(n_cases++) + " " + c["order"].dump() + " " + c["params"].dump());
    const auto logits = c["logits"].get<std::vector<float>>();
    SamplingParams params = params_of(c);
    params.seed = n_cases;
    auto sampler = Sampler::create(params, {static_cast<int32_t>(logits.size()), letter});
    ASSERT_TRUE(sampler.ok()) << sampler.error().message;
    for (const Token t : c["history"]) sampler->accept(t);

    const int n_draws = 2000;
    std::map<Token, double> drawn;
    for (int i = 0; i < n_draws; ++i) {
      const auto token = sampler->sample(logits);
      ASSERT_TRUE(token.ok());
      drawn[*token] += 1.0;
    }
    std::map<Token, double> expected;
    for (size_t i = 0; i < c["keep"].size(); ++i) expected[c["keep"][i]] = c["p"][i];
    for (const auto& [token, n] : drawn) ASSERT_GT(expected[token], 0.0) << "token " << token << " was cut";
    // Rare tokens share a cell, so that every cell expects five or more.
    double chi_square = 0.0, rare_expected = 0.0, rare_drawn = 0.0;
    int n_cells = 0;
    const auto add_cell = [&](double e, double n) {
      chi_square += (n - e) * (n - e) / e;
      ++n_cells;
    };
    for (const auto& [token, p] : expected) {
      const double e = p * n_draws;
      if (e >= 5.0) {
        add_cell(e, drawn[token]);
      } else {
        rare_expected += e;
        rare_drawn += drawn[token];
      }
    }
    if (rare_expected >= 5.0) add_cell(rare_expected, rare_drawn);
    if (n_cells < 2) continue;
    const double score = normal_score(chi_square, n_cells - 1);
    EXPECT_LT(score, 4.5);  // one case in 300,000 by chance
    sum_of_scores += score;
    ++n_scores;
  }
  EXPECT_GE(n_cases, 600u);
  // Together they are far more sensitive: the mean of n standard normal scores.
  EXPECT_LT(std::abs(sum_of_scores / std::sqrt(static_cast<double>(n_scores))), 4.0);
}

// The survivors and probabilities themselves, of chains that end in top_k: what is not drawn by chance shows here.
TEST(Candidates, SelectionFromTheRowEqualsASort) {
  if (cases().is_null()) GTEST_SKIP() << "scripts/references.sh has not made sample/stages.json";
  for (const json& c : cases()) {
    const auto logits = c["logits"].get<std::vector<float>>();
    if (c["order"] != json{"top_k"} || !c["params"]["logit_bias"].empty()) continue;
    Candidates candidates(static_cast<int32_t>(logits.size()));
    ASSERT_TRUE(candidates.assign(logits, {}));
    top_k(candidates, c["params"]["top_k"]);
    candidates.softmax();
    std::map<Token, double> p;
    for (const Candidate& survivor : candidates.list()) p[survivor.id] = survivor.p;
    ASSERT_EQ(p.size(), c["keep"].size());
    for (size_t i = 0; i < c["keep"].size(); ++i) {
      ASSERT_TRUE(p.contains(c["keep"][i]));
      EXPECT_NEAR(p[c["keep"][i]], c["p"][i].get<double>(), 1e-12);
    }
    EXPECT_TRUE(std::is_sorted(candidates.list().begin(), candidates.list().end(), [](const auto& a, const auto& b) {
      return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
    }));
  }
}

TEST(Candidates, SelectionPrunesARowThatRises) {
  std::vector<float> rising(100000);
  for (size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<float>(i / 3);
  Candidates candidates(static_cast<int32_t>(rising.size()));
  ASSERT_TRUE(candidates.assign(rising, {}));
  candidates.keep_largest(4);
  ASSERT_EQ(candidates.list().size(), 4u);
  EXPECT_EQ(candidates.list()[0].id, 99999);  // 33333; then the three of 33332, lower ids first
  EXPECT_EQ(candidates.list()[1].id, 99996);
  EXPECT_EQ(candidates.list()[2].id, 99997);
  EXPECT_EQ(candidates.list()[3].id, 99998);
}

}  // namespace
}  // namespace quipu::sample
