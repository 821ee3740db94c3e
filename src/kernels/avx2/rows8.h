// 8 rows in the lanes of a register: turning blocks of 8 by 8, and the sums of 16 rows to and from y. Needs AVX2.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace quipu::kernels {
namespace {

// Rows to columns: lane j of v[i] goes to lane i of v[j].
inline void transpose8(__m256 v[8]) {
  __m256 t[8];
  for (size_t i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  for (size_t i = 0; i < 8; i += 4) {
    v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (size_t c = 0; c < 4; ++c) {
    t[c] = _mm256_permute2f128_ps(v[c], v[4 + c], 0x20);
    t[4 + c] = _mm256_permute2f128_ps(v[c], v[4 + c], 0x31);
  }
  for (size_t i = 0; i < 8; ++i) v[i] = t[i];
}

// The n_rows (1..16) sums of a token, to or from y.
[[gnu::always_inline]] [[gnu::always_inline]] inline void load_rows(const float* y, size_t n_rows, __m256 sum[2]) {
  if (n_rows == 16) {
    sum[0] = _mm256_loadu_ps(y);
    sum[1] = _mm256_loadu_ps(y + 8);
  } else {
    float rows[16] = {};
    __builtin_memcpy(rows, y, n_rows * sizeof(float));
    sum[0] = _mm256_loadu_ps(rows);
    sum[1] = _mm256_loadu_ps(rows + 8);
  }
}
[[gnu::always_inline]] [[gnu::always_inline]] inline void store_rows(float* y, size_t n_rows, const __m256 sum[2]) {
  if (n_rows == 16) {
    _mm256_storeu_ps(y, sum[0]);
    _mm256_storeu_ps(y + 8, sum[1]);
  } else {
    float rows[16];
    _mm256_storeu_ps(rows, sum[0]);
    _mm256_storeu_ps(rows + 8, sum[1]);
    __builtin_memcpy(y, rows, n_rows * sizeof(float));
  }
}

}  // namespace
}  // namespace quipu::kernels
