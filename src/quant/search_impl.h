// SearchKernels for one instruction set. The file that includes this says before how many numbers it takes at a time:
// namespace { using Lanes = float __attribute__((vector_size(...))); }. All is local to that file, since it is compiled
// with flags that other CPUs do not understand.
#pragma once

#include <cstring>

#include "quant/search.h"

namespace quipu::quant {
namespace {

constexpr size_t kWidth = sizeof(Lanes) / sizeof(float);
constexpr size_t kVectors = kCandidates / kWidth;
using Vectors = Lanes[kVectors];
using ByteLanes = int8_t __attribute__((vector_size(kWidth)));
using IntLanes = int32_t __attribute__((vector_size(sizeof(Lanes))));

// 1.5 * 2^23: adding it leaves the nearest integer (ties to even) in the low bits of the sum, for |x| < 2^22.
constexpr float kMagic = 12582912.f;

inline Lanes all(float value) {
  return value - Lanes{};
}
inline Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
inline void store(const Vectors& vectors, float* to) {
  std::memcpy(to, &vectors, sizeof vectors);
}

struct Rounding {
  Lanes low, high;
  explicit Rounding(RealRange range) : low(all(range.low)), high(all(range.high)) {}
  // Not yet rounded; NaN becomes low.
  [[nodiscard]] Lanes clamped(Lanes value) const {
    value = value > low ? value : low;
    return value < high ? value : high;
  }
  [[nodiscard]] Lanes operator()(Lanes value) const { return (clamped(value) + all(kMagic)) - all(kMagic); }
};

constexpr std::array<int32_t, kCandidates> kNumbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// What is left of the lanes when `join` has taken two together until there is one: the same pairs for any width.
template <size_t kN = kCandidates, typename T, typename Join>
inline T fold(std::array<T, kCandidates>& lanes, Join join) {
  if constexpr (kN == 1) {
    return lanes[0];
  } else {
    for (size_t i = 0; i < kN / 2; ++i) lanes[i] = join(lanes[i], lanes[i + kN / 2]);
    return fold<kN / 2>(lanes, join);
  }
}

// 16 numbers at a time, whatever the width: the order of the sums is the same.
inline float sum(const Vectors& vectors) {
  Candidates lanes{};
  store(vectors, lanes.data());
  return fold(lanes, [](float a, float b) { return a + b; });
}

void copy(const float* source, size_t n, float* target) {
  const Lanes largest = all(1e9f);
  for (size_t i = 0; i < n; i += kWidth) {
    Lanes x = load(source + i);
    x = x == x ? x : Lanes{};
    x = x > -largest ? x : -largest;
    x = x < largest ? x : largest;
    std::memcpy(target + i, &x, sizeof x);
  }
}

Extent extent(const float* x, size_t n) {
  Vectors low, high;
  for (size_t v = 0; v < kVectors; ++v) low[v] = load(x + v * kWidth), high[v] = low[v];
  for (size_t i = kCandidates; i < n; i += kCandidates) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Lanes number = load(x + i + v * kWidth);
      low[v] = number < low[v] ? number : low[v];
      high[v] = number > high[v] ? number : high[v];
    }
  }
  Candidates lows{}, highs{};
  store(low, lows.data());
  store(high, highs.data());
  const float lowest = fold(lows, [](float a, float b) { return b < a ? b : a; });
  return {lowest, fold(highs, [](float a, float b) { return b > a ? b : a; })};
}

void weigh(const float* x, size_t n, float* weights) {
  Vectors squares;
  for (size_t v = 0; v < kVectors; ++v) squares[v] = Lanes{};
  for (size_t i = 0; i < n; i += kCandidates) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Lanes number = load(x + i + v * kWidth);
      squares[v] += number * number;
    }
  }
  const float mean = sum(squares) / static_cast<float>(n);
  // Far below what a binary16 scale can tell from 0.
  constexpr float kNothing = 1e-30f;
  const Lanes half = all(mean > kNothing ? 0.5f : 1.0f), factor = all(mean > kNothing ? 0.5f / mean : 0.0f);
  for (size_t i = 0; i < n; i += kWidth) {
    const Lanes number = load(x + i);
    const Lanes square = half + number * number * factor;
    std::memcpy(weights + i, &square, sizeof square);
  }
  for (size_t i = 0; i < n; ++i) weights[i] = __builtin_sqrtf(weights[i]);
}

// A candidate in each lane, one number after the other.
ScaleSums scales(const Group& group, RealRange range, const Candidates& inverse) {
  const Rounding round(range);
  Vectors factor, xq, qq;
  for (size_t v = 0; v < kVectors; ++v) factor[v] = load(&inverse[v * kWidth]), xq[v] = Lanes{}, qq[v] = Lanes{};
  for (size_t i = 0; i < group.x.size(); ++i) {
    const Lanes x = all(group.x[i]);
    for (size_t v = 0; v < kVectors; ++v) {
      const Lanes q = round(x * factor[v]);
      const Lanes wq = all(group.weights[i]) * q;
      xq[v] += x * wq;
      qq[v] += q * wq;
    }
  }
  // Gains are not negative, so their bits have their order; the lowest four make room for the candidate's number.
  constexpr int32_t kLast = kCandidates - 1;
  std::array<int32_t, kCandidates> keys{};
  Candidates all_xq{}, all_qq{};
  store(xq, all_xq.data());
  store(qq, all_qq.data());
  for (size_t v = 0; v < kVectors; ++v) {
    const Lanes zero{};
    const Lanes gain = qq[v] > zero ? xq[v] * xq[v] / qq[v] : zero;
    IntLanes numbers{};
    std::memcpy(&numbers, &kNumbers[v * kWidth], sizeof numbers);
    const IntLanes numbered = (reinterpret_cast<IntLanes>(gain) & ~kLast) | (numbers ^ kLast);
    std::memcpy(&keys[v * kWidth], &numbered, sizeof numbered);
  }
  const int32_t key = fold(keys, [](int32_t a, int32_t b) { return a > b ? a : b; });
  const auto best = static_cast<size_t>((key & kLast) ^ kLast);
  return {all_xq[best], all_qq[best]};
}

void affines(const Group& group, float high, const Candidates& shift, const Candidates& inverse,
             AffineCandidates& sums) {
  const Rounding round({0, high});
  Vectors factor, offset, wq_sum, xq, qq;
  for (size_t v = 0; v < kVectors; ++v) {
    factor[v] = load(&inverse[v * kWidth]), offset[v] = load(&shift[v * kWidth]);
    wq_sum[v] = Lanes{}, xq[v] = Lanes{}, qq[v] = Lanes{};
  }
  for (size_t i = 0; i < group.x.size(); ++i) {
    const Lanes x = all(group.x[i]);
    for (size_t v = 0; v < kVectors; ++v) {
      const Lanes q = round((x + offset[v]) * factor[v]);
      const Lanes wq = all(group.weights[i]) * q;
      wq_sum[v] += wq;
      xq[v] += x * wq;
      qq[v] += q * wq;
    }
  }
  store(wq_sum, sums.q.data());
  store(xq, sums.xq.data());
  store(qq, sums.qq.data());
}

ScaleSums scale(const Group& group, RealRange range, float inverse) {
  const Rounding round(range);
  const Lanes factor = all(inverse);
  Vectors xq, qq;
  for (size_t v = 0; v < kVectors; ++v) xq[v] = Lanes{}, qq[v] = Lanes{};
  for (size_t i = 0; i < group.x.size(); i += kCandidates) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Lanes x = load(&group.x[i + v * kWidth]);
      const Lanes q = round(x * factor);
      const Lanes wq = load(group.weights + i + v * kWidth) * q;
      xq[v] += x * wq;
      qq[v] += q * wq;
    }
  }
  return {sum(xq), sum(qq)};
}

AffineSums affine(const Group& group, float high, float shift, float inverse) {
  const Rounding round({0, high});
  const Lanes factor = all(inverse), offset = all(shift);
  Vectors wq_sum, xq, qq;
  for (size_t v = 0; v < kVectors; ++v) wq_sum[v] = Lanes{}, xq[v] = Lanes{}, qq[v] = Lanes{};
  for (size_t i = 0; i < group.x.size(); i += kCandidates) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Lanes x = load(&group.x[i + v * kWidth]);
      const Lanes q = round((x + offset) * factor);
      const Lanes wq = load(group.weights + i + v * kWidth) * q;
      wq_sum[v] += wq;
      xq[v] += x * wq;
      qq[v] += q * wq;
    }
  }
  return {sum(wq_sum), sum(xq), sum(qq)};
}

void round(const float* x, size_t n, float shift, float inverse, RealRange range, int8_t* q) {
  const Rounding rounding(range);
  const Lanes factor = all(inverse), offset = all(shift);
  const IntLanes zero = reinterpret_cast<IntLanes>(all(kMagic));
  for (size_t i = 0; i < n; i += kWidth) {
    const Lanes sum = rounding.clamped((load(x + i) + offset) * factor) + all(kMagic);
    const IntLanes integers = reinterpret_cast<IntLanes>(sum) - zero;
    const auto bytes = __builtin_convertvector(integers, ByteLanes);
    std::memcpy(q + i, &bytes, sizeof bytes);
  }
}

}  // namespace
}  // namespace quipu::quant

#include "quant/many_blocks_impl.h"

namespace quipu::quant {
namespace {

constexpr SearchKernels kSearch{copy,   extent, weigh,       scales,     affines,    scale,
                                affine, round,  load_blocks, fit_scales, fit_affines};

}  // namespace
}  // namespace quipu::quant
