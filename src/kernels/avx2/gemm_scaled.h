// A Format of gemm_tiles.h for types of 256 with integer scales for each 16, where bytes are multiplied into sums of 16
// bits: what takes these to 32 bits multiplies them with the scales as well, so that floats come only for each 32.
#pragma once

#include "kernels/avx2/gemm_tiles.h"
#include "kernels/avx2/pack8.h"

namespace quipu::kernels {
namespace {

// w = d * scale * (q - centre)
struct alignas(64) ScaledHalf {
  uint8_t q[64][2][32];       // [K / 4][half of rows][8 rows by 4 of K]
  int16_t scale[16][2][16];   // [K / 16][half of rows][8 rows, twice each]
  int16_t centred[8][2][16];  // [K / 32][half of rows][8 rows, the two scales of 32 times the centre]
  float d[2][8];
  int32_t centre;

  template <class Quants>
  [[gnu::always_inline]] void put(size_t four, size_t pair, __m256i v) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(q[four][pair]), v);
  }
  template <class Quants>
  [[gnu::always_inline]] void put_scales(const Rows8& rows, size_t, size_t pair) {
    __m256 scales[2][8];
    for (size_t r = 0; r < 8; ++r) {
      const auto& block = block_at<typename Quants::Blocks::Block>(rows.row[r], 0);
      const __m128i bytes = Quants::Blocks::integer_scales(block);
      scales[0][r] = _mm256_castsi256_ps(_mm256_cvtepi8_epi32(bytes));
      scales[1][r] = _mm256_castsi256_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
      d[pair][r] = half_value(block.d);
    }
    centre = 1 << Quants::kCentre;
    for (size_t i = 0; i < 2; ++i) {
      transpose8(scales[i]);
      for (size_t j = 0; j < 8; ++j) {
        const __m256i one = _mm256_castps_si256(scales[i][j]);
        _mm256_store_si256(reinterpret_cast<__m256i*>(scale[8 * i + j][pair]), words(one, one));
      }
      for (size_t j = 0; j < 4; ++j) {
        const __m256i even = _mm256_castps_si256(scales[i][2 * j]), odd = _mm256_castps_si256(scales[i][2 * j + 1]);
        _mm256_store_si256(reinterpret_cast<__m256i*>(centred[4 * i + j][pair]),
                           _mm256_slli_epi16(words(even, odd), Quants::kCentre));
      }
    }
  }

 private:
  static __m256i words(__m256i low, __m256i high) { return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa); }
};

// Two steps meet in 16 bits: 4 * 63 * 127. Those of 32 of K, times scales, are at most 32 * 63 * 127 * 128.
struct Scaled {
  using X = Packed8;
  using Half = ScaledHalf;

  // dot += the products of 8 of K by 8 rows, with scales.
  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add_two_steps(const Half& w, size_t step, size_t i,
                                                          const X* const x[kTokens], __m256i dot[kTokens]) {
    const __m256i w0 = load32(w.q[step][i]), w1 = load32(w.q[step + 1][i]), scale = load32(w.scale[step / 4][i]);
    for (size_t t = 0; t < kTokens; ++t) {
      int32_t four[2];
      __builtin_memcpy(four, x[t]->q + 4 * step, sizeof four);
      const __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(w0, _mm256_set1_epi32(four[0])),
                                           _mm256_maddubs_epi16(w1, _mm256_set1_epi32(four[1])));
      add_in_place32(dot[t], _mm256_madd_epi16(sum, scale));
    }
  }

  // sum += the products of 32 of K without d: 8 rows after the other 8, so that all sums stay in registers.
  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add_chunk(const Half& w, size_t chunk, const X* const x[kTokens],
                                                      __m256 sum[kTokens][2]) {
    for (size_t i = 0; i < 2; ++i) {
      __m256i dot[kTokens];
      for (size_t t = 0; t < kTokens; ++t) {
        dot[t] = _mm256_madd_epi16(minus_sums(*x[t], chunk), load32(w.centred[chunk][i]));
      }
      for (size_t step = 8 * chunk; step < 8 * chunk + 8; step += 2) add_two_steps<kTokens>(w, step, i, x, dot);
      for (size_t t = 0; t < kTokens; ++t) {
        sum[t][i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[t]), _mm256_set1_ps(x[t]->scale[chunk]), sum[t][i]);
      }
    }
  }

  [[gnu::always_inline]] static inline void add_outlier(const Half& w, const Packed8::Outlier& outlier, __m256 sum[2]) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(8 * (outlier.k % 4)));
    const __m256 value = _mm256_set1_ps(outlier.x);
    for (size_t i = 0; i < 2; ++i) {
      __m256i q = _mm256_and_si256(_mm256_srl_epi32(load32(w.q[outlier.k / 4][i]), shift), _mm256_set1_epi32(255));
      q = _mm256_sub_epi16(q, _mm256_set1_epi32(w.centre));  // of the two words of a lane the upper one stays 0
      const __m256i weights = _mm256_madd_epi16(q, load32(w.scale[outlier.k / 16][i]));
      sum[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(weights), value, sum[i]);
    }
  }

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const Half& w, size_t n_k, const X* const x[kTokens],
                                                __m256 sum[kTokens][2]) {
    for (size_t t = 0; t < kTokens; ++t) {
      sum[t][0] = sum[t][1] = _mm256_setzero_ps();
      for (const Packed8::Outlier& outlier : x[t]->outliers) add_outlier(w, outlier, sum[t]);
    }
    for (size_t chunk = 0; chunk < n_k / 32; ++chunk) add_chunk<kTokens>(w, chunk, x, sum);
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t i = 0; i < 2; ++i) sum[t][i] = _mm256_mul_ps(sum[t][i], _mm256_load_ps(w.d[i]));
    }
  }
};

template <TensorType kType>
inline constexpr GemmKernels kGemmScaled = gemm_of<Scaled, Quants8<kType>>(GemmKernels::Operands::int8, pack_x8);

}  // namespace
}  // namespace quipu::kernels
