// x to the packed forms of packed16.h, with AVX2.
#pragma once

#include "kernels/avx2/decode.h"
#include "kernels/x86/packed16.h"

namespace quipu::kernels {
namespace {

// The scale for 256 elements and its reciprocal; zero elements (or a NaN scale) have a zero reciprocal.
struct Quantizer {
  float scale, inverse;
};

inline Quantizer quantizer_of(const float* x) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff), largest_finite = _mm256_set1_epi32(0x7f7fffff);
  __m256i max = _mm256_setzero_si256();
  for (size_t i = 0; i < 256; i += 8) {  // floats of one sign are in the order of their bits
    max = _mm256_max_epi32(max, _mm256_and_si256(_mm256_castps_si256(_mm256_loadu_ps(x + i)), magnitude));
  }
  if (_mm256_movemask_epi8(_mm256_cmpgt_epi32(max, largest_finite)) != 0) return {__builtin_nanf(""), 0};
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(max), _mm256_extracti128_si256(max, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  const float largest = _mm_cvtss_f32(_mm_castsi128_ps(four));
  if (largest < kLeastMax) return {0, 0};
  return {largest / kMaxQ, kMaxQ / largest};
}

inline int32_t sum_of_words(__m256i words) {
  const __m256i pairs = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return _mm_cvtsi128_si32(four);
}

template <Order kOrder>
void pack_group(const float* x, Packed256& out) {
  const Quantizer quantizer = quantizer_of(x);
  const __m256 inverse = _mm256_set1_ps(quantizer.inverse);
  const __m256i evens_first = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15,  //
                                               0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  int32_t sums[16];
  for (size_t run = 0; run < 16; ++run) {
    __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 16 * run), inverse));
    __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 16 * run + 8), inverse));
    if (quantizer.inverse == 0) a = b = _mm256_setzero_si256();
    const __m256i words =
        _mm256_packs_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
    const __m256i split = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(words, evens_first), 0xd8);
    auto* units = reinterpret_cast<__m128i*>(out.q);
    _mm_store_si128(units + unit_of_run(kOrder, run, 0), _mm256_castsi256_si128(split));
    _mm_store_si128(units + unit_of_run(kOrder, run, 1), _mm256_extracti128_si256(split, 1));
    sums[run] = sum_of_words(words);
  }
  for (size_t i = 0; i < 16; ++i) {
    const int32_t sum = !blocks_of_32(kOrder) ? sums[i] : i < 8 ? 0 : sums[2 * i - 16] + sums[2 * i - 15];
    out.sums[i] = quantizer.scale * static_cast<float>(sum);
  }
  out.scale = quantizer.scale;
}

template <Order kOrder>
void pack_x16(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<Packed256*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    if (n_in - k >= 256) {
      pack_group<kOrder>(x + k, *out);
    } else {
      float padded[256] = {};
      __builtin_memcpy(padded, x + k, (n_in - k) * sizeof(float));
      pack_group<kOrder>(padded, *out);
    }
  }
}

inline void pack_floats(const float* x, size_t n_in, void* packed) {
  __builtin_memcpy(packed, x, n_in * sizeof(float));
  __builtin_memset(static_cast<float*>(packed) + n_in, 0, packed_float_bytes(n_in) - n_in * sizeof(float));
}

}  // namespace
}  // namespace quipu::kernels
