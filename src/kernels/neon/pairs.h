// Sums of instructions that multiply two tokens by two rows: lanes 0 and 1 of the sums of a pair of rows are the first
// token's, 2 and 3 the second's.
#pragma once

#include "kernels/neon/unpack.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kRowPairs = kPanelRows / 2;

// From two tokens' results, the first n_rows; zeros behind them.
inline void load_pairs(const float* first, const float* second, size_t n_rows, float32x4_t sum[kRowPairs]) {
  float a[kPanelRows] = {}, b[kPanelRows] = {};
  copy_rows(a, first, n_rows);
  copy_rows(b, second, n_rows);
  for (size_t i = 0; i < kRowPairs; ++i) sum[i] = vcombine_f32(vld1_f32(a + 2 * i), vld1_f32(b + 2 * i));
}

// One token may be both: the first counts.
inline void store_pairs(const float32x4_t sum[kRowPairs], size_t n_rows, float* first, float* second) {
  float a[kPanelRows], b[kPanelRows];
  for (size_t i = 0; i < kRowPairs; ++i) {
    vst1_f32(a + 2 * i, vget_low_f32(sum[i]));
    vst1_f32(b + 2 * i, vget_high_f32(sum[i]));
  }
  copy_rows(first, a, n_rows);
  if (second != first) copy_rows(second, b, n_rows);
}

}  // namespace
}  // namespace quipu::kernels
