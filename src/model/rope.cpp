#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "model/hyperparameters.h"

namespace quipu::model {
namespace {

constexpr double kTurn = 2.0 * std::numbers::pi;

// YaRN (Peng et al. 2023, section 3.2): the pair that turns `rotations` times over the original context.
double pair_of_rotations(const RopeParams& rope, double rotations) {
  return rope.n_rot * std::log(rope.n_ctx_original / (rotations * kTurn)) / (2.0 * std::log(rope.base));
}

// 1 for pairs that keep their frequency, 0 for those that are interpolated, a ramp between.
double yarn_keep(const RopeParams& rope, double pair) {
  const double low = std::max(std::floor(pair_of_rotations(rope, rope.beta_fast)), 0.0);
  const double high = std::min(std::ceil(pair_of_rotations(rope, rope.beta_slow)), rope.n_rot - 1.0);
  const double width = std::max(high - low, 0.001);
  return 1.0 - std::clamp((pair - low) / width, 0.0, 1.0);
}

// Llama 3.1: long waves are slowed by `factor`, short ones stay, a smooth passage between.
double llama3_frequency(const RopeParams& rope, double frequency) {
  const double wavelength = kTurn / frequency;
  const double low_wavelength = rope.n_ctx_original / static_cast<double>(rope.low_freq_factor);
  const double high_wavelength = rope.n_ctx_original / static_cast<double>(rope.high_freq_factor);
  if (wavelength < high_wavelength) return frequency;
  if (wavelength > low_wavelength) return frequency / rope.factor;
  const double smooth = (rope.n_ctx_original / wavelength - rope.low_freq_factor) /
                        (static_cast<double>(rope.high_freq_factor) - rope.low_freq_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeParams& rope, const std::vector<float>& freq_factors) {
  QUIPU_CHECK(freq_factors.empty() || freq_factors.size() == rope.n_rot / 2);
  RopeFrequencies result;
  for (uint32_t i = 0; i < rope.n_rot / 2; i++) {
    double frequency = std::pow(static_cast<double>(rope.base), -2.0 * i / rope.n_rot);
    if (!freq_factors.empty()) frequency /= freq_factors[i];
    switch (rope.scaling) {
      case RopeScaling::none:
        break;
      case RopeScaling::linear:
        frequency /= rope.factor;
        break;
      case RopeScaling::yarn: {
        const double keep = yarn_keep(rope, i);
        frequency = frequency / rope.factor * (1.0 - keep) + frequency * keep;
        break;
      }
      case RopeScaling::llama3:
        frequency = llama3_frequency(rope, frequency);
        break;
    }
    result.inv_freq.push_back(static_cast<float>(frequency));
  }
  if (rope.scaling == RopeScaling::yarn) {
    const double by_paper = rope.factor > 1.0f ? 0.1 * std::log(rope.factor) + 1.0 : 1.0;
    result.magnitude = rope.attention_factor > 0.0f ? rope.attention_factor : static_cast<float>(by_paper);
  }
  return result;
}

}  // namespace quipu::model
