// The part of SearchKernels that fits sixteen blocks at once, for one instruction set: search_impl.h includes this.
#pragma once

#include "quant/many_blocks.h"

namespace quipu::quant {
namespace {

// One value of each block, as vectors.
using BlockVectors = Lanes[kManyBlocks / kWidth];

// Candidates that are summed in one pass over the numbers: as many as the registers hold the sums of.
constexpr size_t kAtOnce = kWidth == 16 ? 4 : 2;

// The weights of errors without importances: sqrt((1 + x^2 / mean(x^2)) / 2).
void weigh_blocks(ManyBlocks& blocks) {
  for (size_t at = 0; at < kManyBlocks; at += kWidth) {
    Lanes squares{};
    for (const OfBlocks& numbers : blocks.x) {
      const Lanes x = load(&numbers[at]);
      squares += x * x;
    }
    const Lanes mean = squares * all(1.0f / kManyNumbers);
    // Far below what a binary16 scale can tell from 0.
    const Lanes nothing = all(1e-30f);
    const Lanes half = mean > nothing ? all(0.5f) : all(1.0f);
    const Lanes factor = mean > nothing ? all(0.5f) / mean : Lanes{};
    for (size_t i = 0; i < kManyNumbers; ++i) {
      const Lanes x = load(&blocks.x[i][at]);
      const Lanes square = half + x * x * factor;
      std::memcpy(&blocks.weights[i][at], &square, sizeof square);
    }
  }
  for (OfBlocks& weights : blocks.weights) {
    for (float& weight : weights) weight = __builtin_sqrtf(weight);
  }
}

void load_blocks(const float* source, const float* weights, size_t n_blocks, ManyBlocks& blocks) {
  std::array<float, kManyNumbers> block{};
  for (size_t b = 0; b < kManyBlocks; ++b) {
    const bool exists = b < n_blocks;
    if (exists) {
      copy(source + b * kManyNumbers, kManyNumbers, block.data());
    } else {
      block.fill(0);
    }
    for (size_t i = 0; i < kManyNumbers; ++i) blocks.x[i][b] = block[i];
    if (weights == nullptr) continue;
    for (size_t i = 0; i < kManyNumbers; ++i) blocks.weights[i][b] = exists ? weights[b * kManyNumbers + i] : 1;
  }
  if (weights == nullptr) weigh_blocks(blocks);
}

struct BlockExtents {
  Lanes low, high;
};
inline BlockExtents extents(const ManyBlocks& blocks, size_t at) {
  BlockExtents found{load(&blocks.x[0][at]), load(&blocks.x[0][at])};
  for (size_t i = 1; i < kManyNumbers; ++i) {
    const Lanes x = load(&blocks.x[i][at]);
    found.low = x < found.low ? x : found.low;
    found.high = x > found.high ? x : found.high;
  }
  return found;
}

// Sums over the numbers of each block, of q near x * inverse.
struct LaneSums {
  Lanes xq{}, qq{};
  [[nodiscard]] Lanes gain() const { return qq > Lanes{} ? xq * xq / qq : Lanes{}; }
  [[nodiscard]] Lanes scale() const { return qq > Lanes{} ? xq / qq : Lanes{}; }
  void take(const LaneSums& other, IntLanes where) {
    xq = where ? other.xq : xq;
    qq = where ? other.qq : qq;
  }
};

template <size_t kN>
inline void sum_scales(const ManyBlocks& blocks, size_t at, const Rounding& round, const Lanes (&inverse)[kN],
                       LaneSums (&sums)[kN]) {
  for (LaneSums& each : sums) each = {};
  for (size_t i = 0; i < kManyNumbers; ++i) {
    const Lanes x = load(&blocks.x[i][at]), w = load(&blocks.weights[i][at]);
    for (size_t c = 0; c < kN; ++c) {
      const Lanes q = round(x * inverse[c]);
      const Lanes wq = w * q;
      sums[c].xq += x * wq;
      sums[c].qq += q * wq;
    }
  }
}

inline Lanes inverse_or_0(Lanes value) {
  const Lanes zero{};
  const Lanes inverse = all(1) / (value == zero ? all(1) : value);
  // A scale so small that its inverse is infinite is as good as 0.
  return value == zero ? zero : ((inverse > all(-3e38f)) & (inverse < all(3e38f))) ? inverse : zero;
}

void fit_scales(const ManyBlocks& blocks, RealRange range, std::span<const float> steps, OfBlocks& scales) {
  const Rounding round(range);
  for (size_t at = 0; at < kManyBlocks; at += kWidth) {
    const auto [low, high] = extents(blocks, at);
    const Lanes largest = -low > high ? low : high;
    const Lanes factor = inverse_or_0(largest);
    LaneSums best;
    Lanes best_gain{};
    for (const bool to_high : {false, true}) {
      for (size_t k = 0; k < steps.size(); k += kAtOnce) {
        Lanes inverse[kAtOnce];
        LaneSums sums[kAtOnce];
        for (size_t c = 0; c < kAtOnce; ++c) {
          inverse[c] = all(to_high ? range.high + steps[k + c] : range.low - steps[k + c]) * factor;
        }
        sum_scales(blocks, at, round, inverse, sums);
        for (const LaneSums& each : sums) {
          const Lanes gain = each.gain();
          best.take(each, gain > best_gain);
          best_gain = gain > best_gain ? gain : best_gain;
        }
      }
    }
    for (int refinement = 0; refinement < kMaxRefinements; ++refinement) {
      const Lanes inverse[1] = {inverse_or_0(best.scale())};
      LaneSums sums[1];
      sum_scales(blocks, at, round, inverse, sums);
      const Lanes gain = sums[0].gain();
      best.take(sums[0], gain > best_gain);
      best_gain = gain > best_gain ? gain : best_gain;
    }
    const Lanes scale = best.scale();
    std::memcpy(&scales[at], &scale, sizeof scale);
  }
}

// Of q near (x + shift) * inverse.
struct LaneAffineSums {
  Lanes q{}, xq{}, qq{};
};
// Scale and minimum that fit best, and by how much the error falls below that of the mean alone.
struct LaneAffine {
  Lanes scale{}, minimum{}, gain{};
  void take(const LaneAffine& other) {
    const IntLanes where = other.gain > gain;
    scale = where ? other.scale : scale;
    minimum = where ? other.minimum : minimum;
    gain = where ? other.gain : gain;
  }
};

template <size_t kN>
inline void sum_affines(const ManyBlocks& blocks, size_t at, const Rounding& round, Lanes shift,
                        const Lanes (&inverse)[kN], LaneAffineSums (&sums)[kN]) {
  for (LaneAffineSums& each : sums) each = {};
  for (size_t i = 0; i < kManyNumbers; ++i) {
    const Lanes x = load(&blocks.x[i][at]), w = load(&blocks.weights[i][at]);
    const Lanes shifted = x + shift;
    for (size_t c = 0; c < kN; ++c) {
      const Lanes q = round(shifted * inverse[c]);
      const Lanes wq = w * q;
      sums[c].q += wq;
      sums[c].xq += x * wq;
      sums[c].qq += q * wq;
    }
  }
}

void fit_affines(const ManyBlocks& blocks, float top, std::span<const float> steps, OfBlocks& scales,
                 OfBlocks& minimums) {
  const Rounding round({0, top});
  for (size_t at = 0; at < kManyBlocks; at += kWidth) {
    const auto [low, high] = extents(blocks, at);
    Lanes sum_w{}, sum_x{};
    for (size_t i = 0; i < kManyNumbers; ++i) {
      const Lanes w = load(&blocks.weights[i][at]);
      sum_w += w;
      sum_x += w * load(&blocks.x[i][at]);
    }
    const Lanes inverse_w = all(1) / sum_w, mean = sum_x * inverse_w;
    const auto solve = [&](const LaneAffineSums& sums) {
      const Lanes covariance = sums.xq - mean * sums.q, variance = sums.qq - sums.q * sums.q * inverse_w;
      const Lanes scale = covariance / (variance > Lanes{} ? variance : all(1));
      const Lanes gain = variance > Lanes{} ? covariance * scale : Lanes{};
      return LaneAffine{scale, (scale * sums.q - sum_x) * inverse_w, gain};
    };
    // Of numbers that are all the same.
    LaneAffine best{Lanes{}, -low, Lanes{}};
    const Lanes factor = inverse_or_0(high - low);
    for (size_t k = 0; k < steps.size(); k += kAtOnce) {
      Lanes inverse[kAtOnce];
      LaneAffineSums sums[kAtOnce];
      for (size_t c = 0; c < kAtOnce; ++c) inverse[c] = all(top + steps[k + c]) * factor;
      sum_affines(blocks, at, round, -low, inverse, sums);
      for (const LaneAffineSums& each : sums) best.take(solve(each));
    }
    for (int refinement = 0; refinement < kMaxRefinements; ++refinement) {
      const Lanes inverse[1] = {inverse_or_0(best.scale)};
      LaneAffineSums sums[1];
      sum_affines(blocks, at, round, best.minimum, inverse, sums);
      best.take(solve(sums[0]));
    }
    std::memcpy(&scales[at], &best.scale, sizeof best.scale);
    std::memcpy(&minimums[at], &best.minimum, sizeof best.minimum);
  }
}

}  // namespace
}  // namespace quipu::quant
