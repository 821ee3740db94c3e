#include "sample/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>
#include <map>

#include "base/random.h"

namespace quipu::sample {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

SamplingParams seeded(uint64_t seed) {
  SamplingParams params;
  params.seed = seed;
  return params;
}

SamplingParams greedy() {
  SamplingParams params = seeded(1);
  params.temperature = 0.0f;
  return params;
}

Sampler make(const SamplingParams& params, int32_t n_vocab) {
  auto sampler = Sampler::create(params, {n_vocab, [](Token) { return std::string_view("x"); }});
  EXPECT_TRUE(sampler.ok()) << (sampler.ok() ? "" : sampler.error().message);
  return std::move(sampler).value();
}

std::vector<float> normal_logits(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> logits(n);
  for (float& x : logits) {
    x = static_cast<float>(3 * std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(6.2831853 * random.uniform()));
  }
  return logits;
}

std::vector<Token> tokens_of(Sampler& sampler, int n) {
  std::vector<Token> tokens;
  for (int i = 0; i < n; ++i) {
    const auto logits = normal_logits(500, static_cast<uint64_t>(i));
    tokens.push_back(*sampler.sample(logits));
    sampler.accept(tokens.back());
  }
  return tokens;
}

TEST(Sampler, SameSeedSameTokens) {
  SamplingParams params = seeded(77);
  params.xtc_probability = 0.5f, params.repeat_penalty = 1.2f, params.dry_multiplier = 0.8f;
  Sampler a = make(params, 500), b = make(params, 500);
  const auto first = tokens_of(a, 100);
  EXPECT_EQ(first, tokens_of(b, 100));
  params.seed = 78;
  Sampler c = make(params, 500);
  EXPECT_NE(first, tokens_of(c, 100));
  a.reset();
  EXPECT_EQ(first, tokens_of(a, 100));
}

TEST(Sampler, ClonesContinueAndReseededClonesDiffer) {
  for (const int32_t mirostat : {0, 1, 2}) {
    SamplingParams params = seeded(5);
    params.mirostat = mirostat;
    Sampler a = make(params, 500);
    tokens_of(a, 10);
    Sampler same = a.clone(), other = a.clone(6);
    EXPECT_EQ(other.seed(), 6u);
    const auto tokens = tokens_of(a, 50);
    EXPECT_EQ(tokens, tokens_of(same, 50));
    EXPECT_NE(tokens, tokens_of(other, 50));
  }
}

TEST(Sampler, SystemSeedIsReportedAndRepeats) {
  Sampler a = make(SamplingParams{}, 500);
  EXPECT_NE(a.seed(), UINT64_MAX);
  Sampler b = make(seeded(a.seed()), 500);
  EXPECT_EQ(tokens_of(a, 50), tokens_of(b, 50));
}

TEST(Sampler, GreedyTakesTheLowestIdOfEqualLogits) {
  Sampler sampler = make(greedy(), 4);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 3, 3, 2}), 1);
  SamplingParams params = greedy();
  params.order.clear();  // temperature 0 holds without its stage too
  Sampler bare = make(params, 4);
  EXPECT_EQ(*bare.sample(std::vector<float>{1, 3, 3, 2}), 1);
}

TEST(Sampler, LeavesTheLogitsAlone) {
  SamplingParams params = seeded(1);
  params.repeat_penalty = 2.0f;
  Sampler sampler = make(params, 3);
  sampler.accept(1);
  const std::vector<float> logits{1, 2, 3};
  ASSERT_TRUE(sampler.sample(logits).ok());
  EXPECT_EQ(logits, (std::vector<float>{1, 2, 3}));
}

TEST(Sampler, NaNIsNeverChosen) {
  for (SamplingParams params : {greedy(), seeded(1)}) {
    for (const auto& order : {params.order, std::vector<std::string>{"top_p"}, {"typ_p"}, {"top_n_sigma"}, {}}) {
      params.order = order, params.typical_p = 0.5f, params.top_n_sigma = 1.0f;
      Sampler sampler = make(params, 4);
      for (int i = 0; i < 20; ++i) EXPECT_EQ(*sampler.sample(std::vector<float>{kNan, -kInf, -5, kNan}), 2);
    }
  }
}

TEST(Sampler, NothingToChooseFromIsAnError) {
  Sampler sampler = make(seeded(1), 3);
  for (const auto& logits : {std::vector<float>{kNan, kNan, kNan}, {-kInf, -kInf, -kInf}, {kNan, -kInf, kNan}}) {
    const auto token = sampler.sample(logits);
    ASSERT_FALSE(token.ok());
    EXPECT_THAT(token.error().message, HasSubstr("no token can be chosen"));
  }
  const std::vector<uint32_t> none{0};
  EXPECT_FALSE(sampler.sample(std::vector<float>{1, 2, 3}, none).ok());
  SamplingParams params = seeded(1);
  params.logit_bias = {{0, -kInf}, {1, -kInf}, {2, -kInf}};
  EXPECT_FALSE(make(params, 3).sample(std::vector<float>{1, 2, 3}).ok());
}

TEST(Sampler, InfiniteAndHugeLogitsAreTheLargestFloat) {
  SamplingParams params = seeded(1);
  for (const float t : {0.0f, 1e-30f, 0.8f, 100.0f}) {
    params.temperature = t;
    Sampler sampler = make(params, 4);
    EXPECT_EQ(*sampler.sample(std::vector<float>{1, kInf, 2, -FLT_MAX}), 1);
    EXPECT_EQ(*sampler.sample(std::vector<float>{1, 2, FLT_MAX, -FLT_MAX}), 2);
  }
}

TEST(Sampler, PenaltyThatLeavesTheFloatsKeepsAToken) {
  SamplingParams params = seeded(1);
  params.repeat_penalty = 4.0f, params.presence_penalty = FLT_MAX;
  Sampler sampler = make(params, 2);
  sampler.accept(0);
  sampler.accept(1);
  EXPECT_TRUE(sampler.sample(std::vector<float>{-FLT_MAX, -FLT_MAX}).ok());
}

TEST(Sampler, MaskComesBeforeEverything) {
  SamplingParams params = seeded(1);
  params.top_k = 1;
  Sampler sampler = make(params, 70);
  std::vector<float> logits(70);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i);
  std::vector<uint32_t> mask{0xffffffffu, 0, 0xffffffffu};
  EXPECT_EQ(*sampler.sample(logits, mask), 69);
  mask[2] = 0;
  EXPECT_EQ(*sampler.sample(logits, mask), 31);
  mask[1] = 1u << 5;
  EXPECT_EQ(*sampler.sample(logits, mask), 37);
}

TEST(Sampler, LogitBiasAddsUpAndForbids) {
  SamplingParams params = greedy();
  params.logit_bias = {{0, 3.0f}, {0, 3.0f}, {2, -kInf}};
  Sampler sampler = make(params, 3);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 6, 9}), 0);
}

TEST(Sampler, TokensOutsideTheVocabularyArePassedOver) {
  SamplingParams params = seeded(1);
  params.repeat_penalty = 2.0f, params.dry_multiplier = 1.0f;
  Sampler sampler = make(params, 3);
  for (const Token t : {-1, 3, INT32_MAX, INT32_MIN}) sampler.accept(t);
  EXPECT_TRUE(sampler.sample(std::vector<float>{1, 2, 3}).ok());
}

// XTC cuts the top choices in the given share of the draws.
TEST(Sampler, XtcHappensWithItsProbability) {
  SamplingParams params = seeded(11);
  params.order = {"xtc"}, params.temperature = 1.0f, params.xtc_probability = 0.3f, params.xtc_threshold = 0.15f;
  Sampler sampler = make(params, 3);
  const std::vector<float> logits{std::log(0.6f), std::log(0.3f), std::log(0.1f)};
  std::map<Token, double> drawn;
  const int n = 20000;
  for (int i = 0; i < n; ++i) drawn[*sampler.sample(logits)] += 1.0;
  // When it happens, token 0 goes and token 1, the least of the top choices, stays: 0.3 * 0.1 / 0.4 + 0.7 * 0.1.
  EXPECT_NEAR(drawn[2] / n, 0.145, 5 * std::sqrt(0.145 * 0.855 / n));
  EXPECT_NEAR(drawn[0] / n, 0.42, 5 * std::sqrt(0.42 * 0.58 / n));
}

// Mirostat's promise: the mean surprise of the text comes near tau.
TEST(Sampler, MirostatHoldsItsSurprise) {
  for (const int32_t version : {1, 2}) {
    for (const float tau : {2.0f, 4.0f}) {
      SamplingParams params = seeded(3);
      params.mirostat = version, params.mirostat_tau = tau, params.temperature = 1.0f;
      Sampler sampler = make(params, 2000);
      double surprise = 0.0;
      const int n = 2000;
      for (int i = 0; i < n; ++i) {
        std::vector<float> logits(2000);  // Zipf with exponent 1.1, a language's shape
        double sum = 0.0;
        for (size_t r = 0; r < logits.size(); ++r) {
          logits[r] = static_cast<float>(-1.1 * std::log(static_cast<double>(r + 1)));
          sum += std::exp(static_cast<double>(logits[r]));
        }
        const Token t = *sampler.sample(logits);
        surprise += (std::log(sum) - static_cast<double>(logits[static_cast<size_t>(t)])) / std::log(2.0);
      }
      // The controlled surprise is that within the cut, the true one lies a little above.
      EXPECT_GT(surprise / n, tau - 0.3) << version;
      EXPECT_LT(surprise / n, tau + 1.8) << version;
    }
  }
}

TEST(Sampler, MirostatSurvivesFlatAndSingleRows) {
  for (const int32_t version : {1, 2}) {
    SamplingParams params = seeded(3);
    params.mirostat = version, params.mirostat_eta = FLT_MAX;
    Sampler sampler = make(params, 100);
    std::vector<float> single(100, -kInf);
    single[7] = 0.0f;
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(sampler.sample(std::vector<float>(100, 1.0f)).ok());
      EXPECT_EQ(*sampler.sample(single), 7);
    }
  }
}

struct Invalid {
  const char* name;
  void (*change)(SamplingParams&);
  const char* message;
};

TEST(Sampler, RefusesWhatIsOutOfRange) {
  const Invalid invalid[] = {
      {"temperature", [](SamplingParams& p) { p.temperature = -0.1f; }, "temperature is -0.1, but must be 0 or more"},
      {"nan", [](SamplingParams& p) { p.temperature = kNan; }, "temperature is nan"},
      {"inf", [](SamplingParams& p) { p.temperature = kInf; }, "temperature is inf"},
      {"dynatemp_range", [](SamplingParams& p) { p.dynatemp_range = -1; }, "dynatemp_range is -1"},
      {"dynatemp_exponent", [](SamplingParams& p) { p.dynatemp_exponent = kNan; }, "dynatemp_exponent is nan"},
      {"top_k", [](SamplingParams& p) { p.top_k = -2; }, "top_k is -2, but must be -1 or more"},
      {"top_p", [](SamplingParams& p) { p.top_p = 1.5f; }, "top_p is 1.5, but must be from 0 to 1"},
      {"min_p", [](SamplingParams& p) { p.min_p = -0.5f; }, "min_p is -0.5, but must be from 0 to 1"},
      {"typical_p", [](SamplingParams& p) { p.typical_p = kNan; }, "typical_p is nan"},
      {"top_n_sigma", [](SamplingParams& p) { p.top_n_sigma = kInf; }, "top_n_sigma is inf, but must be a finite"},
      {"xtc_probability", [](SamplingParams& p) { p.xtc_probability = 2; }, "xtc_probability is 2"},
      {"xtc_threshold", [](SamplingParams& p) { p.xtc_threshold = -1; }, "xtc_threshold is -1"},
      {"repeat_penalty", [](SamplingParams& p) { p.repeat_penalty = 0; }, "repeat_penalty is 0"},
      {"presence_penalty", [](SamplingParams& p) { p.presence_penalty = kNan; }, "presence_penalty is nan"},
      {"frequency_penalty", [](SamplingParams& p) { p.frequency_penalty = -kInf; }, "frequency_penalty is -inf"},
      {"repeat_last_n", [](SamplingParams& p) { p.repeat_last_n = -2; }, "repeat_last_n is -2"},
      {"dry_multiplier", [](SamplingParams& p) { p.dry_multiplier = -1; }, "dry_multiplier is -1"},
      {"dry_base", [](SamplingParams& p) { p.dry_base = 0.5f; }, "dry_base is 0.5, but must be 1 or more"},
      {"dry_allowed_length", [](SamplingParams& p) { p.dry_allowed_length = -1; }, "dry_allowed_length is -1"},
      {"dry_penalty_last_n", [](SamplingParams& p) { p.dry_penalty_last_n = -5; }, "dry_penalty_last_n is -5"},
      {"breakers",
       [](SamplingParams& p) {
         p.dry_sequence_breakers = {"a", ""};
       },
       "dry_sequence_breakers[1] has 0"},
      {"mirostat", [](SamplingParams& p) { p.mirostat = 3; }, "mirostat is 3, but must be from 0 to 2"},
      {"mirostat_tau", [](SamplingParams& p) { p.mirostat_tau = -1; }, "mirostat_tau is -1"},
      {"mirostat_eta", [](SamplingParams& p) { p.mirostat_eta = kNan; }, "mirostat_eta is nan"},
      {"min_keep", [](SamplingParams& p) { p.min_keep = -1; }, "min_keep is -1"},
      {"bias id",
       [](SamplingParams& p) {
         p.logit_bias = {{100, 1.0f}};
       },
       "names token 100, but must name one from 0 to 99"},
      {"bias nan",
       [](SamplingParams& p) {
         p.logit_bias = {{1, kNan}};
       },
       "logit_bias of token 1 is nan"},
      {"bias inf",
       [](SamplingParams& p) {
         p.logit_bias = {{1, kInf}};
       },
       "logit_bias of token 1 is inf"},
      {"order", [](SamplingParams& p) { p.order = {"top_q"}; },
       "unknown sampler 'top_q'; the known ones are penalties dry"},
      {"twice",
       [](SamplingParams& p) {
         p.order = {"temp", "temperature"};
       },
       "names the sampler 'temperature' twice"},
  };
  for (const Invalid& i : invalid) {
    SamplingParams params;
    i.change(params);
    const auto sampler = Sampler::create(params, {100, {}});
    ASSERT_FALSE(sampler.ok()) << i.name;
    EXPECT_THAT(sampler.error().message, HasSubstr(i.message));
  }
}

TEST(Sampler, TakesTheOtherSpellingsOfNames) {
  SamplingParams params;
  params.order = {"nucleus", "temp", "typical", "top-k", "min-p", "top-n-sigma"};
  EXPECT_TRUE(validate(params, 10).ok());
}

}  // namespace
}  // namespace quipu::sample
