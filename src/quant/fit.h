// Least-squares fits behind the encoders: which scale (and minimum) lets small integers stand for a group of numbers.
// The idea of trying several scales, rounding and solving for the best scale of those integers is the one of
// llama.cpp's k-quants; the refinement below repeats the two steps until neither lowers the error (Lloyd's method in
// one dimension).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/blocks.h"
#include "quant/search.h"

namespace quipu::quant {

// Integers from min to max, both included.
struct IntRange {
  int min = 0, max = 0;
};

// The nearest integer of the range (ties to even); NaN gives range.min.
int round_into(float value, IntRange range);

// 1 / scale, or 0 where that is not finite: then every number rounds as 0 does.
float finite_inverse(float scale);

// A scale as binary16, kept finite.
Half finite_half(float value);

// Whether errors of large numbers count more: by sqrt(mean(x^2) + x^2). Why: docs/formats/quantization.md.
enum class Weighing : unsigned char { by_size, equal };
// How much the squared error of each of n numbers, a multiple of 16, counts: by its `importance`, and without any
// (null) as `weighing` says. Their mean is about 1.
void error_weights(const float* importance, const float* x, size_t n, Weighing weighing, float* weights);

// A block's numbers, made finite, and the weights of their errors.
template <size_t kN>
struct BlockInput {
  std::array<float, kN> x, weights;

  // The block that begins at element `first` of the row.
  BlockInput(const float* source, const float* importance, size_t first, Weighing weighing = Weighing::by_size) {
    search_kernels().copy(source + first, kN, x.data());
    error_weights(importance == nullptr ? nullptr : importance + first, x.data(), kN, weighing, weights.data());
  }
  // n of its numbers from `first` on.
  [[nodiscard]] Group group(size_t first = 0, size_t n = kN) const {
    return {std::span(x).subspan(first, n), weights.data() + first};
  }
};

// What q can be: the integers of a range, or, if there are some, `levels` in ascending order.
struct Alphabet {
  IntRange range;
  std::span<const int8_t> levels;
};

// The scale (of either sign) for which sum w (x - scale q)^2, q the nearest of the alphabet, is smallest among those
// tried. 0 if all numbers are (nearly) 0.
float fit_scale(const Group& group, const Alphabet& alphabet);

// The place of the nearest level for each of x / scale.
void nearest_levels(std::span<const float> x, std::span<const int8_t> levels, float scale, uint8_t* places);

// x is near scale * q - minimum, q from 0 to q_max, minimum 0 or more.
struct Affine {
  float scale = 0, minimum = 0;
};
Affine fit_affine(const Group& group, int q_max);

// sum w (x - (scale q - minimum))^2 with the nearest q of the alphabet.
float error_of_fit(const Group& group, const Alphabet& alphabet, Affine affine);

}  // namespace quipu::quant
