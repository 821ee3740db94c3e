// x to the packed forms of packed16.h, with AVX-512.
#pragma once

#include "kernels/avx512/decode.h"
#include "kernels/x86/packed16.h"

namespace quipu::kernels {
namespace {

struct Quantizer {
  float scale;
  __m512 inverse;
};

inline Quantizer quantizer_of(const __m512 x[16]) {
  constexpr int kNanOrInfinity = 0x99;  // QNaN, +inf, -inf, SNaN
  __m512 max = _mm512_setzero_ps();
  __mmask16 bad = 0;
  for (size_t i = 0; i < 16; ++i) {
    max = _mm512_max_ps(max, _mm512_abs_ps(x[i]));
    bad = static_cast<__mmask16>(bad | _mm512_fpclass_ps_mask(x[i], kNanOrInfinity));
  }
  const float largest = _mm512_reduce_max_ps(max);
  if (bad != 0) return {__builtin_nanf(""), _mm512_setzero_ps()};
  if (largest < kLeastMax) return {0, _mm512_setzero_ps()};
  return {largest / kMaxQ, _mm512_set1_ps(kMaxQ / largest)};
}

template <Order kOrder>
void pack_x(const float* x, size_t n_in, void* packed) {
  const __m512i evens_first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  auto* out = static_cast<Packed256*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    __m512 v[16];
    for (size_t run = 0; run < 16; ++run) {
      const size_t at = k + 16 * run;
      v[run] = at < n_in ? _mm512_maskz_loadu_ps(first16(n_in - at), x + at) : _mm512_setzero_ps();
    }
    const Quantizer quantizer = quantizer_of(v);
    // Turns what a zero inverse makes of a NaN or infinity into 0.
    const __mmask16 finite = _mm512_cmp_ps_mask(quantizer.inverse, _mm512_setzero_ps(), _CMP_GT_OQ);
    alignas(64) int32_t sums[16];
    for (size_t run = 0; run < 16; ++run) {
      const __m512i q = _mm512_maskz_cvtps_epi32(finite, _mm512_mul_ps(v[run], quantizer.inverse));
      const __m256i words = _mm512_cvtepi32_epi16(_mm512_permutexvar_epi32(evens_first, q));
      auto* units = reinterpret_cast<__m128i*>(out->q);
      _mm_store_si128(units + unit_of_run(kOrder, run, 0), _mm256_castsi256_si128(words));
      _mm_store_si128(units + unit_of_run(kOrder, run, 1), _mm256_extracti128_si256(words, 1));
      sums[run] = _mm512_reduce_add_epi32(q);
    }
    __m512i s = _mm512_load_si512(sums);
    if constexpr (blocks_of_32(kOrder)) {
      // Sums of two runs to the upper half.
      const __m512i first = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 6, 8, 10, 12, 14);
      const __m512i second = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5, 7, 9, 11, 13, 15);
      s = _mm512_maskz_add_epi32(0xff00, _mm512_permutexvar_epi32(first, s), _mm512_permutexvar_epi32(second, s));
    }
    _mm512_store_ps(out->sums, _mm512_mul_ps(_mm512_cvtepi32_ps(s), _mm512_set1_ps(quantizer.scale)));
    out->scale = quantizer.scale;
  }
}

void pack_floats(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; k += 32, x += 32, out += 32) {
    const size_t n = n_in - k;
    _mm512_store_ps(out, _mm512_maskz_loadu_ps(first16(n), x));
    _mm512_store_ps(out + 16, n > 16 ? _mm512_maskz_loadu_ps(first16(n - 16), x + 16) : _mm512_setzero_ps());
  }
}

}  // namespace
}  // namespace quipu::kernels
