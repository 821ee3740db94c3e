// 32 consecutive weights of a row as float32, of any type, in two registers. Needs AVX-512 F, BW, DQ, VL.
#pragma once

#include "kernels/kernels.h"
#include "kernels/x86/quants32.h"

namespace quipu::kernels {
namespace {

struct Floats32 {
  __m512 a, b;  // elements 0..15, 16..31
};

inline Floats32 to_floats(const Quants32& v) {
  const __m512 a = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm256_castsi256_si128(v.q)));
  const __m512 b = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm256_extracti128_si256(v.q, 1)));
  return {_mm512_fmadd_ps(a, _mm512_set1_ps(v.scale[0]), _mm512_set1_ps(v.offset[0])),
          _mm512_fmadd_ps(b, _mm512_set1_ps(v.scale[1]), _mm512_set1_ps(v.offset[1]))};
}

// The first `n` (1..32) of 32 elements exist; the others are zeros.
template <quant::TensorType kType>
inline Floats32 decode32(const std::byte* row, size_t chunk, size_t n) {
  static_cast<void>(n);  // blocks of the quantised types are whole
  return to_floats(quants32<kType>(row, chunk));
}

inline __mmask16 first16(size_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffff : (1u << n) - 1);
}
inline __mmask32 first32(size_t n) {
  return static_cast<__mmask32>(n >= 32 ? 0xffffffffu : (1u << n) - 1);
}

// 16 elements of a row of x from `at` on, zeros beyond n_in.
inline __m512 load_part16(const float* x, size_t n_in, size_t at) {
  return at < n_in ? _mm512_maskz_loadu_ps(first16(n_in - at), x + at) : _mm512_setzero_ps();
}

// The bits of |x|: floats of one sign are in the order of their bits, infinities and NaNs behind all others.
inline __m512i magnitudes(__m512 x) {
  return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}
inline constexpr uint32_t kLargestFinite = 0x7f7fffff;

template <>
inline Floats32 decode32<quant::TensorType::F32>(const std::byte* row, size_t chunk, size_t n) {
  const std::byte* p = row + chunk * 128;
  return {_mm512_maskz_loadu_ps(first16(n), p), _mm512_maskz_loadu_ps(first16(n < 16 ? 0 : n - 16), p + 64)};
}

template <>
inline Floats32 decode32<quant::TensorType::F16>(const std::byte* row, size_t chunk, size_t n) {
  const __m512i v = _mm512_maskz_loadu_epi16(first32(n), row + chunk * 64);
  return {_mm512_cvtph_ps(_mm512_castsi512_si256(v)), _mm512_cvtph_ps(_mm512_extracti64x4_epi64(v, 1))};
}

template <>
inline Floats32 decode32<quant::TensorType::BF16>(const std::byte* row, size_t chunk, size_t n) {
  const __m512i v = _mm512_maskz_loadu_epi16(first32(n), row + chunk * 64);
  const __m512i a = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(v)), 16);
  const __m512i b = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(v, 1)), 16);
  return {_mm512_castsi512_ps(a), _mm512_castsi512_ps(b)};
}

// Rows to columns: lane j of v[i] goes to lane i of v[j].
inline void transpose16(__m512i v[16]) {
  __m512i t[16];
  for (size_t i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (size_t i = 0; i < 16; i += 4) {
    v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // v[4 g + c] now holds, in its four quarters, columns c, 4 + c, 8 + c, 12 + c of rows 4 g ... 4 g + 3.
  for (size_t c = 0; c < 4; ++c) {
    const __m512i low01 = _mm512_shuffle_i32x4(v[c], v[4 + c], 0x44);
    const __m512i high01 = _mm512_shuffle_i32x4(v[c], v[4 + c], 0xee);
    const __m512i low23 = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(v[8 + c], v[12 + c], 0xee);
    t[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    t[4 + c] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    t[8 + c] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    t[12 + c] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
  for (size_t i = 0; i < 16; ++i) v[i] = t[i];
}

}  // namespace
}  // namespace quipu::kernels
