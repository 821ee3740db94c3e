#include "quant/fit.h"

#include <algorithm>
#include <cmath>

#include "quant/lanes.h"

namespace quipu::quant {
namespace {

// Below this all numbers of a group count as 0: binary16 scales end at 6e-8.
constexpr float kNothing = 1e-12f;
// The refinement converges in two or three rounds almost always.
constexpr int kMaxRefinements = 6;

// Scales that are tried map the largest number to (the end of the range) + step k, for k from -steps to steps: up to
// one and a half integers within or beyond the range. The refinement finds what lies between; where a minimum is free
// as well, finer steps still lower the error by a third of a percent.
constexpr int kScaleSteps = 4;
constexpr float kScaleStep = 0.375f;
constexpr int kAffineSteps = 12;
constexpr float kAffineStep = 0.125f;

struct ScaleSums {
  float xq = 0, qq = 0;
  // By how much the error falls below sum w x^2 with the best scale for these integers.
  [[nodiscard]] float gain() const { return qq > 0 ? xq * xq / qq : 0; }
  [[nodiscard]] float scale() const { return qq > 0 ? xq / qq : 0; }
};

// The nearest q of four numbers.
struct RoundToRange {
  Float4 low, high;
  explicit RoundToRange(IntRange range)
      : low(all4(static_cast<float>(range.min))), high(all4(static_cast<float>(range.max))) {}
  Float4 operator()(Float4 value) const { return round_into4(value, low, high); }
};
class RoundToLevels {
 public:
  explicit RoundToLevels(std::span<const int8_t> levels) : lowest_(all4(levels[0])), n_(levels.size() - 1) {
    for (size_t i = 0; i < n_; ++i) {
      middles_[i] = all4(0.5f * static_cast<float>(levels[i] + levels[i + 1]));
      steps_[i] = all4(static_cast<float>(levels[i + 1] - levels[i]));
    }
  }
  Float4 operator()(Float4 value) const {
    Float4 nearest = lowest_;
    for (size_t i = 0; i < n_; ++i) nearest += value > middles_[i] ? steps_[i] : Float4{};
    return nearest;
  }

 private:
  static constexpr size_t kMaxLevels = 16;
  Float4 lowest_;
  size_t n_;
  std::array<Float4, kMaxLevels> middles_, steps_;
};

template <typename Round>
ScaleSums scale_sums_by(const Group& group, const Round& round, float inverse) {
  const Float4 factor = all4(inverse);
  Float4 xq{};
  Float4 qq{};
  for (size_t i = 0; i < group.x.size(); i += kLanes) {
    const Float4 x = load4(&group.x[i]);
    const Float4 q = round(x * factor);
    const Float4 wq = load4(group.weights + i) * q;
    xq += x * wq;
    qq += q * wq;
  }
  return {sum4(xq), sum4(qq)};
}

ScaleSums scale_sums(const Group& group, const Alphabet& alphabet, float inverse) {
  if (!alphabet.levels.empty()) return scale_sums_by(group, RoundToLevels(alphabet.levels), inverse);
  return scale_sums_by(group, RoundToRange(alphabet.range), inverse);
}

template <typename Round>
float error_by(const Group& group, const Round& round, Affine affine) {
  const Float4 factor = all4(finite_inverse(affine.scale));
  const Float4 scale = all4(affine.scale);
  const Float4 shift = all4(affine.minimum);
  Float4 error{};
  for (size_t i = 0; i < group.x.size(); i += kLanes) {
    const Float4 shifted = load4(&group.x[i]) + shift;
    const Float4 difference = shifted - scale * round(shifted * factor);
    error += load4(group.weights + i) * difference * difference;
  }
  return sum4(error);
}

// Sums that do not depend on the integers.
struct Moments {
  float w = 0, x = 0;
};

Moments moments(const Group& group) {
  Float4 sum_w{};
  Float4 sum_x{};
  for (size_t i = 0; i < group.x.size(); i += kLanes) {
    const Float4 w = load4(group.weights + i);
    sum_w += w;
    sum_x += w * load4(&group.x[i]);
  }
  return {sum4(sum_w), sum4(sum_x)};
}

struct Solution {
  Affine affine;
  float gain = -1;  // sum w x^2 minus the error
};

// The best scale and minimum for the integers that `start` gives (with 1 / start.scale as `inverse`).
Solution solve(const Group& group, int q_max, Minimum sign, const Moments& all, float minimum, float inverse) {
  const Float4 zero{};
  const Float4 high = all4(static_cast<float>(q_max));
  const Float4 factor = all4(inverse);
  const Float4 shift = all4(minimum);
  Float4 sum_q{};
  Float4 sum_xq{};
  Float4 sum_qq{};
  for (size_t i = 0; i < group.x.size(); i += kLanes) {
    const Float4 x = load4(&group.x[i]);
    const Float4 q = round_into4((x + shift) * factor, zero, high);
    const Float4 wq = load4(group.weights + i) * q;
    sum_q += wq;
    sum_xq += x * wq;
    sum_qq += q * wq;
  }
  const float q = sum4(sum_q);
  const float xq = sum4(sum_xq);
  const float qq = sum4(sum_qq);
  const float covariance = xq - all.x * q / all.w;
  const float variance = qq - q * q / all.w;
  if (variance > 0) {
    const float scale = covariance / variance;
    const float best_minimum = (scale * q - all.x) / all.w;
    if (sign == Minimum::any || best_minimum >= 0) {
      return {{scale, best_minimum}, all.x * all.x / all.w + covariance * scale};
    }
  }
  if (qq > 0 && sign == Minimum::not_negative) return {{xq / qq, 0}, xq * xq / qq};
  return {};
}

}  // namespace

void copy_finite(const float* source, size_t n, float* target) {
  constexpr float kLargest = 1e9f;
  for (size_t i = 0; i < n; ++i) target[i] = std::isnan(source[i]) ? 0 : std::clamp(source[i], -kLargest, kLargest);
}

void error_weights(const float* importance, const float* /*x*/, size_t n, float* weights) {
  // Columns that the text did not use may matter for another one.
  constexpr float kLeast = 1e-3f;
  if (importance == nullptr) {
    std::fill_n(weights, n, 1.0f);
    return;
  }
  float sum = 0;
  for (size_t i = 0; i < n; ++i) sum += importance[i];
  const float inverse_mean = finite_inverse(sum / static_cast<float>(n));
  for (size_t i = 0; i < n; ++i) weights[i] = inverse_mean > 0 ? importance[i] * inverse_mean + kLeast : 1;
}

float finite_inverse(float scale) {
  const float inverse = 1 / scale;
  return std::isfinite(inverse) ? inverse : 0;
}

int round_into(float value, IntRange range) {
  const auto low = static_cast<float>(range.min);
  const auto high = static_cast<float>(range.max);
  // The comparisons are written so that NaN gives the lower end.
  const float kept = value > low ? (value < high ? value : high) : low;
  return static_cast<int>(kept + kRoundingMagic - kRoundingMagic);
}

Half finite_half(float value) {
  constexpr float kLargestHalf = 65504;
  return Half::of(std::clamp(value, -kLargestHalf, kLargestHalf));
}

float error_of_fit(const Group& group, const Alphabet& alphabet, Affine affine) {
  if (!alphabet.levels.empty()) return error_by(group, RoundToLevels(alphabet.levels), affine);
  return error_by(group, RoundToRange(alphabet.range), affine);
}

void nearest_levels(std::span<const float> x, std::span<const int8_t> levels, float scale, uint8_t* places) {
  const float inverse = finite_inverse(scale);
  for (size_t i = 0; i < x.size(); ++i) {
    uint8_t place = 0;
    for (size_t l = 1; l < levels.size(); ++l) {
      if (x[i] * inverse > 0.5f * static_cast<float>(levels[l - 1] + levels[l])) place = static_cast<uint8_t>(l);
    }
    places[i] = place;
  }
}

float fit_scale(const Group& group, const Alphabet& alphabet) {
  float largest = 0;
  for (const float x : group.x) largest = std::fabs(x) > std::fabs(largest) ? x : largest;
  if (std::fabs(largest) < kNothing) return 0;
  const bool has_levels = !alphabet.levels.empty();
  ScaleSums best;
  for (const int end : {has_levels ? alphabet.levels.front() : alphabet.range.min,
                        has_levels ? alphabet.levels.back() : alphabet.range.max}) {
    // Levels are of any size: their steps count as an eighth of the ends, as in a range of 4 bits.
    const float step = has_levels ? kScaleStep * 0.125f * static_cast<float>(end) : kScaleStep;
    for (int k = -kScaleSteps; k <= kScaleSteps; ++k) {
      const ScaleSums sums =
          scale_sums(group, alphabet, (static_cast<float>(end) + step * static_cast<float>(k)) / largest);
      if (sums.gain() > best.gain()) best = sums;
    }
  }
  for (int i = 0; i < kMaxRefinements && best.scale() != 0; ++i) {
    const ScaleSums sums = scale_sums(group, alphabet, finite_inverse(best.scale()));
    if (!(sums.gain() > best.gain())) break;
    best = sums;
  }
  return best.scale();
}

Affine fit_affine(const Group& group, int q_max, Minimum sign) {
  const auto [low_at, high_at] = std::ranges::minmax_element(group.x);
  const float low = sign == Minimum::not_negative ? std::min(*low_at, 0.f) : *low_at;
  const float high = *high_at;
  if (high - low < kNothing) return {0, -low};
  const Moments all = moments(group);
  if (!(all.w > 0)) return {(high - low) / static_cast<float>(q_max), -low};
  Solution best;
  for (int k = -kAffineSteps; k <= kAffineSteps; ++k) {
    const float levels = static_cast<float>(q_max) + kAffineStep * static_cast<float>(k);
    const Solution found = solve(group, q_max, sign, all, -low, levels / (high - low));
    if (found.gain > best.gain) best = found;
  }
  for (int i = 0; i < kMaxRefinements && best.affine.scale != 0; ++i) {
    const Solution found = solve(group, q_max, sign, all, best.affine.minimum, finite_inverse(best.affine.scale));
    if (!(found.gain > best.gain)) break;
    best = found;
  }
  return best.affine;
}

}  // namespace quipu::quant
