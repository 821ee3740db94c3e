// Least-squares fits behind the encoders: which scale (and minimum) lets small integers stand for a group of numbers.
// The idea of trying several scales, rounding and solving for the best scale of those integers is the one of
// llama.cpp's k-quants; the refinement below repeats the two steps until neither lowers the error (Lloyd's method in
// one dimension).
#pragma once

#include <cstddef>
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

// Numbers, a multiple of 4 of them, and the weights of their squared errors, of the same length.
struct Group {
  std::span<const float> x;
  const float* weights = nullptr;
};

// The scale (of either sign) for which sum w (x - scale q)^2, q the nearest integer of the range, is smallest among
// those tried. 0 if all numbers are (nearly) 0.
float fit_scale(const Group& group, IntRange range);

// x is near scale * q - minimum, q from 0 to q_max.
struct Affine {
  float scale = 0, minimum = 0;
};
enum class Minimum : unsigned char { any, not_negative };
Affine fit_affine(const Group& group, int q_max, Minimum sign);

// sum w (x - (scale q - minimum))^2 with the nearest integers q of the range.
float error_of_fit(const Group& group, IntRange range, Affine affine);

}  // namespace quipu::quant
