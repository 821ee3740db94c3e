// The inner loops of the encoders, by instruction set. The sums are added up in an order of their own, so all
// instruction sets give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/many_blocks.h"

namespace quipu::quant {

// Scales that are tried at once.
inline constexpr size_t kCandidates = 16;
using Candidates = std::array<float, kCandidates>;

// After the best of them, rounding and solving for the best scale are repeated. A third round would lower the error by
// less than a thousandth.
inline constexpr int kMaxRefinements = 2;

// Numbers, a multiple of 16 of them, and the weights of their squared errors, of the same length.
struct Group {
  std::span<const float> x;
  const float* weights = nullptr;
};

// q: the nearest integer from low to high (ties to even).
struct RealRange {
  float low = 0, high = 0;
};

// Sums over a group: w x q and w q^2.
struct ScaleSums {
  float xq = 0, qq = 0;
  // By how much the error falls below sum w x^2 with the best scale for these integers.
  [[nodiscard]] float gain() const { return qq > 0 ? xq * xq / qq : 0; }
  [[nodiscard]] float scale() const { return qq > 0 ? xq / qq : 0; }
};
// w q, w x q and w q^2.
struct AffineSums {
  float q = 0, xq = 0, qq = 0;
};

// The same of each candidate.
struct AffineCandidates {
  Candidates q, xq, qq;
};

struct Extent {
  float low = 0, high = 0;
};

struct SearchKernels {
  // Copies n numbers, a multiple of 16, so that the fits stay finite: NaN becomes 0, and what lies beyond +-1e9, more
  // than any block can hold, is cut there.
  void (*copy)(const float* source, size_t n, float* target);
  // The smallest and the largest of n numbers, a multiple of 16.
  Extent (*extent)(const float* x, size_t n);
  // weights[i] = sqrt((1 + x[i]^2 / mean(x^2)) / 2), n a multiple of 16.
  void (*weigh)(const float* x, size_t n, float* weights);
  // The sums of q near x * inverse for the candidate that gains most, in steps of a millionth.
  ScaleSums (*scales)(const Group& group, RealRange range, const Candidates& inverse);
  // For each candidate, of q near (x + shift) * inverse, q from 0.
  void (*affines)(const Group& group, float high, const Candidates& shift, const Candidates& inverse,
                  AffineCandidates& sums);
  // The same for one scale.
  ScaleSums (*scale)(const Group& group, RealRange range, float inverse);
  AffineSums (*affine)(const Group& group, float high, float shift, float inverse);
  // q near (x + shift) * inverse, integers of 8 bits; n is a multiple of 16. NaN gives low.
  void (*round)(const float* x, size_t n, float shift, float inverse, RealRange range, int8_t* q);

  // Sixteen blocks of 32 numbers at once. Loads n_blocks of them, at most 16, as copy() does, the others all 0, with
  // `weights`, as many as numbers, or, if they are null, those of weigh().
  void (*load_blocks)(const float* source, const float* weights, size_t n_blocks, ManyBlocks& blocks);
  // The best scale of those that map the largest number to an end of the range + each step, refined. The number of
  // steps is a multiple of 4.
  void (*fit_scales)(const ManyBlocks& blocks, RealRange range, std::span<const float> steps, OfBlocks& scales);
  // x near scale q - minimum, q from 0 to `top`: the same with top + each step for the extent of the numbers.
  void (*fit_affines)(const ManyBlocks& blocks, float top, std::span<const float> steps, OfBlocks& scales,
                      OfBlocks& minimums);
};

// The fastest that this CPU runs.
const SearchKernels& search_kernels();
// All that it runs, for tests: the first for any CPU.
std::span<const SearchKernels* const> all_search_kernels();

extern const SearchKernels search_generic;
extern const SearchKernels search_avx2;
extern const SearchKernels search_avx512;

}  // namespace quipu::quant
