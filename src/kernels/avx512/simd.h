// The primitives of vector_impl.h and attention_impl.h on AVX-512 (F, BW, DQ, VL).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {
namespace {

struct Simd {
  using F = __m512;     // kLanes float32
  using I = __m512i;    // kLanes int32
  using M = __mmask16;  // a truth value per lane
  using D = __m512d;    // half as many float64
  static constexpr size_t kLanes = 16;
  static constexpr size_t kRegisters = 32;

  static __mmask16 first(size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F v) { _mm512_storeu_ps(p, v); }
  // The first n < kLanes; the other lanes are zeros.
  static F load_part(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store_part(float* p, F v, size_t n) { _mm512_mask_storeu_ps(p, first(n), v); }
  static F set(float x) { return _mm512_set1_ps(x); }
  static F zero() { return _mm512_setzero_ps(); }

  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }    // a * b + c
  static F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
  static F abs(F a) { return _mm512_abs_ps(a); }
  // The second operand if one of them is NaN.
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static F round(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  // a * 2^n for a whole n in [-160, 160] and 0.5 < a < 2: rounded once, subnormals and overflow as they should be.
  static F scale_by_power(F a, F n) { return _mm512_scalef_ps(a, n); }

  static M less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static M less(I a, I b) { return _mm512_cmp_epi32_mask(a, b, _MM_CMPINT_LT); }
  static M both(M a, M b) { return static_cast<__mmask16>(a & b); }
  static F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
  static I select(M m, I yes, I no) { return _mm512_mask_blend_epi32(m, no, yes); }

  static I set(int32_t x) { return _mm512_set1_epi32(x); }
  static I lane_numbers() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
  static I add(I a, I b) { return _mm512_add_epi32(a, b); }
  static void store(int32_t* p, I v) { _mm512_storeu_si512(p, v); }

  static float sum(F v) {
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  // NaN lanes may or may not count.
  static float largest(F v) {
    const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
  }

  static D zero_double() { return _mm512_setzero_pd(); }
  static D low_double(F v) { return _mm512_cvtps_pd(_mm512_castps512_ps256(v)); }
  static D high_double(F v) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)); }
  static D set_double(double x) { return _mm512_set1_pd(x); }
  static D add(D a, D b) { return _mm512_add_pd(a, b); }
  static D sub(D a, D b) { return _mm512_sub_pd(a, b); }
  static D fma(D a, D b, D c) { return _mm512_fmadd_pd(a, b, c); }
  static double sum(D v) {
    const __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
  }

  static F load_f16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store_f16(uint16_t* p, F v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static F load_bf16(const uint16_t* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  static void store_bf16(uint16_t* p, F v) {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i high = _mm512_srli_epi32(_mm512_mask_blend_epi32(nan, rounded, quiet), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(high));
  }

  static F load_i8(const int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  // (p[i] >> shift) % 16 - 8: a table look-up by the low four bits of each lane.
  static F load_nibbles(const uint8_t* p, unsigned shift) {
    const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m512 values = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    return _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, shift), values);
  }
  // The float32 whose bits are those of t, shifted 23 to the left.
  static F shift_to_exponent(F t) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(t), 23)); }

  // Pairs of neighbours (a0 a1)(a2 a3)...: swapped, the even ones twice, the odd ones twice; and back from kLanes/2
  // values in memory to each twice.
  static F swap_pairs(F v) { return _mm512_permute_ps(v, 0xb1); }
  static F load_twice(const float* p) {
    const __m512 half = _mm512_castps256_ps512(_mm256_loadu_ps(p));
    const __m512i index = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return _mm512_permutexvar_ps(index, half);
  }
  // (c0 a0 - s0 a1, c1 a1 + s1 a0, ...) of a, its swap_pairs, and cosines and sines twice.
  static F rotate(F a, F swapped, F cosine, F sine) {
    return _mm512_fmaddsub_ps(a, cosine, _mm512_mul_ps(swapped, sine));
  }
};

}  // namespace
}  // namespace quipu::kernels
