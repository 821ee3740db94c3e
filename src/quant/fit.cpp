#include "quant/fit.h"

#include <algorithm>
#include <cmath>

#include "quant/lanes.h"

namespace quipu::quant {
namespace {

// Below this all numbers of a group count as 0: binary16 scales end at 6e-8.
constexpr float kNothing = 1e-12f;

// Scales that are tried map the largest number to (the end of the range) + step k: up to one and a half integers within
// or beyond the range. The refinement finds what lies between; where a minimum is free as well, finer steps still lower
// the error by a third of a percent.
constexpr int kFirstStep = -3;
constexpr int kScaleSteps = 8;  // for each end of the range
constexpr float kScaleStep = 0.375f;
constexpr int kFirstAffineStep = -8;
constexpr float kAffineStep = 0.1875f;
static_assert(2 * kScaleSteps == kCandidates);

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

RealRange real(IntRange range) {
  return {static_cast<float>(range.min), static_cast<float>(range.max)};
}

ScaleSums scale_sums(const Group& group, const Alphabet& alphabet, float inverse) {
  if (!alphabet.levels.empty()) return scale_sums_by(group, RoundToLevels(alphabet.levels), inverse);
  return search_kernels().scale(group, real(alphabet.range), inverse);
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

// The best scale and minimum for integers of these sums.
Solution solve(const AffineSums& sums, const Moments& all) {
  const float covariance = sums.xq - all.x * sums.q / all.w;
  const float variance = sums.qq - sums.q * sums.q / all.w;
  if (variance > 0) {
    const float scale = covariance / variance;
    const float best_minimum = (scale * sums.q - all.x) / all.w;
    if (best_minimum >= 0) return {{scale, best_minimum}, all.x * all.x / all.w + covariance * scale};
  }
  if (sums.qq > 0) return {{sums.xq / sums.qq, 0}, sums.xq * sums.xq / sums.qq};
  return {};
}

// The one whose solution gains most: solve() for all at once, without branches.
size_t best_candidate(const AffineCandidates& sums, const Moments& all) {
  const float inverse_w = 1 / all.w;
  const float mean = all.x * inverse_w;
  Candidates gains{};
  for (size_t c = 0; c < kCandidates; ++c) {
    const float covariance = sums.xq[c] - mean * sums.q[c];
    const float variance = sums.qq[c] - sums.q[c] * sums.q[c] * inverse_w;
    const float scale = covariance / (variance > 0 ? variance : 1);
    const float minimum = (scale * sums.q[c] - all.x) * inverse_w;
    const float of_both = all.x * mean + covariance * scale;
    // A minimum of 0 in place of a negative one.
    const float of_scale = sums.xq[c] * sums.xq[c] / (sums.qq[c] > 0 ? sums.qq[c] : 1);
    const bool solved = (variance > 0) & (minimum >= 0);
    gains[c] = solved ? of_both : of_scale;
  }
  return static_cast<size_t>(std::ranges::max_element(gains) - gains.begin());
}

// Levels are of any size: their steps count as an eighth of the ends, as in a range of 4 bits.
ScaleSums search_levels(const Group& group, std::span<const int8_t> levels, float largest) {
  ScaleSums best;
  for (const int8_t end : {levels.front(), levels.back()}) {
    for (int k = 0; k < kScaleSteps; ++k) {
      const float stretch = 1 + 0.125f * kScaleStep * static_cast<float>(kFirstStep + k);
      const ScaleSums sums = scale_sums(group, {{}, levels}, static_cast<float>(end) * stretch / largest);
      if (sums.gain() > best.gain()) best = sums;
    }
  }
  return best;
}

ScaleSums search_range(const Group& group, IntRange range, float largest) {
  Candidates inverse{};
  const auto low = static_cast<float>(range.min), high = static_cast<float>(range.max);
  const float factor = 1 / largest;
  for (size_t k = 0; k < kScaleSteps; ++k) {
    const float step = kScaleStep * static_cast<float>(kFirstStep + static_cast<int>(k));
    inverse[k] = (low - step) * factor;
    inverse[kScaleSteps + k] = (high + step) * factor;
  }
  return search_kernels().scales(group, real(range), inverse);
}

}  // namespace

void error_weights(const float* importance, const float* x, size_t n, Weighing weighing, float* weights) {
  if (importance == nullptr) {
    if (weighing == Weighing::by_size) return search_kernels().weigh(x, n, weights);
    std::fill_n(weights, n, 1.0f);
    return;
  }
  // Columns that the text did not use may matter for another one.
  constexpr float kLeast = 1e-3f;
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
  const auto [low, high] = search_kernels().extent(group.x.data(), group.x.size());
  const float largest = -low > high ? low : high;
  if (std::fabs(largest) < kNothing) return 0;
  ScaleSums best = alphabet.levels.empty() ? search_range(group, alphabet.range, largest)
                                           : search_levels(group, alphabet.levels, largest);
  for (int i = 0; i < kMaxRefinements && best.scale() != 0; ++i) {
    const ScaleSums sums = scale_sums(group, alphabet, finite_inverse(best.scale()));
    if (!(sums.gain() > best.gain())) break;
    best = sums;
  }
  return best.scale();
}

Affine fit_affine(const Group& group, int q_max) {
  const SearchKernels& kernels = search_kernels();
  auto [low, high] = kernels.extent(group.x.data(), group.x.size());
  low = std::min(low, 0.f);
  if (high - low < kNothing) return {0, -low};
  const Moments all = moments(group);
  const auto top = static_cast<float>(q_max);
  if (!(all.w > 0)) return {(high - low) / top, -low};
  Candidates shift{}, inverse{};
  shift.fill(-low);
  const float factor = 1 / (high - low);
  for (size_t c = 0; c < kCandidates; ++c) {
    inverse[c] = (top + kAffineStep * static_cast<float>(kFirstAffineStep + static_cast<int>(c))) * factor;
  }
  AffineCandidates sums{};
  kernels.affines(group, top, shift, inverse, sums);
  const size_t at = best_candidate(sums, all);
  Solution best = solve({sums.q[at], sums.xq[at], sums.qq[at]}, all);
  for (int i = 0; i < kMaxRefinements && best.affine.scale != 0; ++i) {
    const float near = finite_inverse(best.affine.scale);
    const Solution found = solve(kernels.affine(group, top, best.affine.minimum, near), all);
    if (!(found.gain > best.gain)) break;
    best = found;
  }
  return best.affine;
}

}  // namespace quipu::quant
