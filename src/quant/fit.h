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

namespace quipu::quant {

// Integers from min to max, both included.
struct IntRange {
  int min = 0, max = 0;
};

// Copies n numbers so that the fits stay finite: NaN becomes 0, and what lies beyond +-1e9, more than any block can
// hold, is cut there.
void copy_finite(const float* source, size_t n, float* target);

// The nearest integer of the range (ties to even); NaN gives range.min.
int round_into(float value, IntRange range);

// 1 / scale, or 0 where that is not finite: then every number rounds as 0 does.
float finite_inverse(float scale);

// A scale as binary16, kept finite.
Half finite_half(float value);

// How much each of n numbers' squared error counts: `importance` [n] on a scale where their mean is about 1, or 1 for
// all if it is null.
void error_weights(const float* importance, const float* x, size_t n, float* weights);

// A block's numbers, made finite, and the weights of their errors.
template <size_t kN>
struct BlockInput {
  std::array<float, kN> x{}, weights{};

  // The block that begins at element `first` of the row.
  BlockInput(const float* source, const float* importance, size_t first) {
    copy_finite(source + first, kN, x.data());
    error_weights(importance == nullptr ? nullptr : importance + first, x.data(), kN, weights.data());
  }
};

// What q can be: the integers of a range, or, if there are some, `levels` in ascending order.
struct Alphabet {
  IntRange range;
  std::span<const int8_t> levels;
};

// Numbers, a multiple of 4 of them, and the weights of their squared errors, of the same length.
struct Group {
  std::span<const float> x;
  const float* weights = nullptr;
};

// The scale (of either sign) for which sum w (x - scale q)^2, q the nearest of the alphabet, is smallest among those
// tried. 0 if all numbers are (nearly) 0.
float fit_scale(const Group& group, const Alphabet& alphabet);

// The place of the nearest level for each of x / scale.
void nearest_levels(std::span<const float> x, std::span<const int8_t> levels, float scale, uint8_t* places);

// x is near scale * q - minimum, q from 0 to q_max.
struct Affine {
  float scale = 0, minimum = 0;
};
enum class Minimum : unsigned char { any, not_negative };
Affine fit_affine(const Group& group, int q_max, Minimum sign);

// sum w (x - (scale q - minimum))^2 with the nearest q of the alphabet.
float error_of_fit(const Group& group, const Alphabet& alphabet, Affine affine);

}  // namespace quipu::quant
