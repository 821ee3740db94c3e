// References: tests/model/data/rope.json, made by transformers (scripts/references_torch/make_rope.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/hyperparameters.h"

namespace quipu::model {
namespace {

using Json = nlohmann::json;

Json reference_cases() {
  std::ifstream in(QUIPU_SOURCE_DIR "/tests/model/data/rope.json");
  return Json::parse(in)["cases"];
}

RopeParams params_of(const Json& c) {
  RopeParams rope;
  rope.base = c["base"];
  rope.n_rot = c["n_rot"];
  const std::string scaling = c["scaling"];
  rope.scaling = scaling == "linear"   ? RopeScaling::linear
                 : scaling == "yarn"   ? RopeScaling::yarn
                 : scaling == "llama3" ? RopeScaling::llama3
                                       : RopeScaling::none;
  rope.factor = c.value("factor", 1.0f);
  rope.n_ctx_original = c.value("original", c["n_ctx"].get<uint32_t>());
  rope.low_freq_factor = c.value("low", 1.0f);
  rope.high_freq_factor = c.value("high", 4.0f);
  rope.beta_fast = c.value("beta_fast", 32.0f);
  rope.beta_slow = c.value("beta_slow", 1.0f);
  rope.attention_factor = c.value("attention_factor", 0.0f);
  return rope;
}

// The reference computes in float32: base^(2i/n) has an exponent of up to ln(base) < 14, whose rounding alone moves
// the result by 14 * 2^-24; some more roundings follow.
constexpr double kRelative = 64 * 0x1p-24;

TEST(Rope, FrequenciesEqualTransformersForEachScaling) {
  const Json cases = reference_cases();
  ASSERT_GE(cases.size(), 8u);
  for (const Json& c : cases) {
    const RopeFrequencies ours = rope_frequencies(params_of(c), {});
    ASSERT_EQ(ours.inv_freq.size(), c["inv_freq"].size());
    for (size_t i = 0; i < ours.inv_freq.size(); i++) {
      const double expected = c["inv_freq"][i];
      EXPECT_NEAR(ours.inv_freq[i], expected, expected * kRelative) << c["name"] << " pair " << i;
    }
    EXPECT_NEAR(ours.magnitude, c["magnitude"].get<double>(), 1e-6) << c["name"];
  }
}

// A file says Llama 3.1's scaling by hyperparameters or by divisors in rope_freqs.weight; both mean the same.
TEST(Rope, FreqFactorsAndHyperparametersAgree) {
  for (const Json& c : reference_cases()) {
    if (c["scaling"] != "llama3") continue;
    RopeParams plain = params_of(c);
    plain.scaling = RopeScaling::none;
    const RopeFrequencies unscaled = rope_frequencies(plain, {});
    std::vector<float> factors;
    for (size_t i = 0; i < unscaled.inv_freq.size(); i++)
      factors.push_back(static_cast<float>(unscaled.inv_freq[i] / c["inv_freq"][i].get<double>()));
    const RopeFrequencies ours = rope_frequencies(plain, factors);
    for (size_t i = 0; i < factors.size(); i++) {
      const double expected = c["inv_freq"][i];
      EXPECT_NEAR(ours.inv_freq[i], expected, expected * kRelative) << c["name"] << " pair " << i;
    }
  }
}

}  // namespace
}  // namespace quipu::model
