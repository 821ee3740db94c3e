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
  __m512i max = _mm512_setzero_si512();
  for (size_t i = 0; i < 16; ++i) max = _mm512_max_epi32(max, magnitudes(x[i]));
  const auto bits = static_cast<uint32_t>(_mm512_reduce_max_epi32(max));
  if (bits > kLargestFinite) return {__builtin_nanf(""), _mm512_setzero_ps()};
  const auto largest = __builtin_bit_cast(float, bits);
  if (largest < kLeastMax) return {0, _mm512_setzero_ps()};
  return {largest / kMaxQ, _mm512_set1_ps(kMaxQ / largest)};
}

// The sums of the 16-bit elements of eight registers.
inline __m256i sums8(const __m256i words[8]) {
  const __m256i one = _mm256_set1_epi16(1);
  __m256i quads[2];
  for (size_t i = 0; i < 2; ++i) {
    const __m256i* w = words + 4 * i;
    quads[i] = _mm256_hadd_epi32(_mm256_hadd_epi32(_mm256_madd_epi16(w[0], one), _mm256_madd_epi16(w[1], one)),
                                 _mm256_hadd_epi32(_mm256_madd_epi16(w[2], one), _mm256_madd_epi16(w[3], one)));
  }
  return _mm256_add_epi32(_mm256_permute2x128_si256(quads[0], quads[1], 0x20),
                          _mm256_permute2x128_si256(quads[0], quads[1], 0x31));
}

template <Order kOrder>
void pack_x(const float* x, size_t n_in, void* packed) {
  const __m512i evens_first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
  auto* out = static_cast<Packed256*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    __m512 v[16];
    if (n_in - k >= 256) {
      for (size_t run = 0; run < 16; ++run) v[run] = _mm512_loadu_ps(x + k + 16 * run);
    } else {
      for (size_t run = 0; run < 16; ++run) v[run] = load_part16(x, n_in, k + 16 * run);
    }
    const Quantizer quantizer = quantizer_of(v);
    // Turns what a zero inverse makes of a NaN or infinity into 0.
    const __mmask16 finite = _mm512_cmp_ps_mask(quantizer.inverse, _mm512_setzero_ps(), _CMP_GT_OQ);
    __m256i words[16];
    for (size_t run = 0; run < 16; ++run) {
      const __m512i q = _mm512_maskz_cvtps_epi32(finite, _mm512_mul_ps(v[run], quantizer.inverse));
      words[run] = _mm512_cvtepi32_epi16(_mm512_permutexvar_epi32(evens_first, q));
      auto* units = reinterpret_cast<__m128i*>(out->q);
      _mm_store_si128(units + unit_of_run(kOrder, run, 0), _mm256_castsi256_si128(words[run]));
      _mm_store_si128(units + unit_of_run(kOrder, run, 1), _mm256_extracti128_si256(words[run], 1));
    }
    __m512i s = _mm512_inserti64x4(_mm512_castsi256_si512(sums8(words)), sums8(words + 8), 1);
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

inline void pack_floats(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; k += 32, out += 32) {
    _mm512_store_ps(out, load_part16(x, n_in, k));
    _mm512_store_ps(out + 16, load_part16(x, n_in, k + 16));
  }
}

}  // namespace
}  // namespace quipu::kernels
