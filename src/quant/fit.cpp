#include "quant/fit.h"

#include <algorithm>
#include <cmath>

namespace quipu::quant {
namespace {

// Below this all numbers of a group count as 0: binary16 scales end at 6e-8.
constexpr float kNothing = 1e-12f;
// Scales tried on each side: the largest number is mapped to q_max + k / 8 for k in -kSteps..kSteps, so to up to one
// and a half integers beyond or within the range.
constexpr int kSteps = 12;
constexpr float kStep = 0.125f;
// The refinement converges in two or three rounds almost always.
constexpr int kMaxRefinements = 6;

struct ScaleSums {
  float xq = 0, qq = 0;
  // By how much the error falls below sum w x^2 with the best scale for these integers.
  [[nodiscard]] float gain() const { return qq > 0 ? xq * xq / qq : 0; }
  [[nodiscard]] float scale() const { return qq > 0 ? xq / qq : 0; }
};

ScaleSums sums_for(const Group& group, IntRange range, float inverse) {
  ScaleSums sums;
  for (size_t i = 0; i < group.x.size(); ++i) {
    const auto q = static_cast<float>(round_into(group.x[i] * inverse, range));
    sums.xq += group.weights[i] * group.x[i] * q;
    sums.qq += group.weights[i] * q * q;
  }
  return sums;
}

// The best scale and minimum for the integers that `start` gives.
struct AffineSums {
  float w = 0, x = 0, q = 0, xq = 0, qq = 0;

  [[nodiscard]] Affine solve(Minimum sign) const {
    const float determinant = w * qq - q * q;
    if (determinant <= 0) return {0, w > 0 ? bounded(-x / w, sign) : 0};
    Affine best{(w * xq - x * q) / determinant, (q * xq - qq * x) / determinant};
    if (sign == Minimum::not_negative && best.minimum < 0) best = {qq > 0 ? xq / qq : 0, 0};
    return best;
  }
  static float bounded(float minimum, Minimum sign) {
    return sign == Minimum::not_negative ? std::max(minimum, 0.f) : minimum;
  }
};

AffineSums affine_sums(const Group& group, int q_max, Affine start) {
  AffineSums sums;
  const float inverse = start.scale != 0 ? 1 / start.scale : 0;
  for (size_t i = 0; i < group.x.size(); ++i) {
    const float w = group.weights[i];
    const float x = group.x[i];
    const auto q = static_cast<float>(round_into((x + start.minimum) * inverse, {0, q_max}));
    sums.w += w;
    sums.x += w * x;
    sums.q += w * q;
    sums.xq += w * x * q;
    sums.qq += w * q * q;
  }
  return sums;
}

}  // namespace

void copy_finite(const float* source, size_t n, float* target) {
  constexpr float kLargest = 1e9f;
  for (size_t i = 0; i < n; ++i) target[i] = std::isnan(source[i]) ? 0 : std::clamp(source[i], -kLargest, kLargest);
}

int round_into(float value, IntRange range) {
  const auto low = static_cast<float>(range.min);
  const auto high = static_cast<float>(range.max);
  // The comparisons are written so that NaN gives the lower end.
  const float kept = value > low ? (value < high ? value : high) : low;
  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the sum.
  constexpr float kMagic = 12582912.f;
  return static_cast<int>(kept + kMagic - kMagic);
}

Half finite_half(float value) {
  constexpr float kLargestHalf = 65504;
  return Half::of(std::clamp(value, -kLargestHalf, kLargestHalf));
}

float scale_error(const Group& group, IntRange range, float scale) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  float error = 0;
  for (size_t i = 0; i < group.x.size(); ++i) {
    const float difference = group.x[i] - scale * static_cast<float>(round_into(group.x[i] * inverse, range));
    error += group.weights[i] * difference * difference;
  }
  return error;
}

float fit_scale(const Group& group, IntRange range) {
  float largest = 0;
  for (const float x : group.x) largest = std::fabs(x) > std::fabs(largest) ? x : largest;
  if (std::fabs(largest) < kNothing) return 0;
  ScaleSums best;
  for (const int end : {range.min, range.max}) {
    for (int k = -kSteps; k <= kSteps; ++k) {
      const float target = static_cast<float>(end) + kStep * static_cast<float>(k);
      const ScaleSums sums = sums_for(group, range, target / largest);
      if (sums.gain() > best.gain()) best = sums;
    }
  }
  for (int i = 0; i < kMaxRefinements && best.scale() != 0; ++i) {
    const ScaleSums sums = sums_for(group, range, 1 / best.scale());
    if (!(sums.gain() > best.gain())) break;
    best = sums;
  }
  return best.scale();
}

float affine_error(const Group& group, int q_max, Affine affine) {
  const float inverse = affine.scale != 0 ? 1 / affine.scale : 0;
  float error = 0;
  for (size_t i = 0; i < group.x.size(); ++i) {
    const auto q = static_cast<float>(round_into((group.x[i] + affine.minimum) * inverse, {0, q_max}));
    const float difference = group.x[i] - (affine.scale * q - affine.minimum);
    error += group.weights[i] * difference * difference;
  }
  return error;
}

Affine fit_affine(const Group& group, int q_max, Minimum sign) {
  const auto [low_at, high_at] = std::ranges::minmax_element(group.x);
  const float low = sign == Minimum::not_negative ? std::min(*low_at, 0.f) : *low_at;
  const float high = *high_at;
  if (high - low < kNothing) return {0, -low};
  Affine best;
  float best_error = affine_error(group, q_max, best);
  const auto consider = [&](Affine affine) {
    const float error = affine_error(group, q_max, affine);
    if (!(error < best_error)) return false;
    best_error = error;
    best = affine;
    return true;
  };
  for (int k = -kSteps; k <= kSteps; ++k) {
    const float levels = static_cast<float>(q_max) + kStep * static_cast<float>(k);
    if (levels <= 0) continue;
    const Affine start{(high - low) / levels, -low};
    consider(start);
    consider(affine_sums(group, q_max, start).solve(sign));
  }
  for (int i = 0; i < kMaxRefinements && consider(affine_sums(group, q_max, best).solve(sign)); ++i) {
  }
  return best;
}

}  // namespace quipu::quant
