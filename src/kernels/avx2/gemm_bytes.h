// A Format of gemm_tiles.h: unsigned bytes of weights, exact, by signed bytes of x (pack8.h). `Dot` multiplies them:
//   kMaxSum              of products, above which Dot::add must not go; what they are then added to is 32 bits wide
//   add(sum, w, x)       sum += products, two or four of which meet in a lane
//   begin(start)         a sum that begins with `start` if it is 32 bits wide
//   end(sum, start)      a sum in 32 bits, with start in it
#pragma once

#include "kernels/avx2/gemm_tiles.h"
#include "kernels/avx2/pack8.h"

namespace quipu::kernels {
namespace {

template <size_t kRun_, bool kOffsets_>
struct alignas(64) BytesHalf {
  static constexpr size_t kRun = kRun_, kRuns = 256 / kRun;
  static constexpr bool kOffsets = kOffsets_;
  uint8_t q[64][2][32];  // [K / 4][half of rows][8 rows by 4 of K]
  float scale[kRuns][2][8];
  float offset[kOffsets ? kRuns : 1][2][8];
  int32_t centre;  // w = scale * (q - centre), or scale * q + offset

  template <class Quants>
  [[gnu::always_inline]] void put(size_t four, size_t pair, __m256i v) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(q[four][pair]), v);
  }
  template <class Quants>
  [[gnu::always_inline]] void put_scales(const Rows8& rows, size_t n_chunks, size_t pair) {
    put_float_scales<Quants>(rows, n_chunks, this, pair);
    if constexpr (!kOffsets) centre = 1 << Quants::kCentre;
  }
};

// kAdds: steps that sum up to Dot::kMaxSum at most.
template <class Dot, size_t kRun, bool kOffsets, size_t kAdds>
struct Bytes {
  using X = Packed8;
  using Half = BytesHalf<kRun, kOffsets>;
  static constexpr size_t kSteps = kRun / 4;

  // What makes up for q that are too large by the centre: times less the sums of x in two halves, or in one of them.
  [[gnu::always_inline]] static inline __m256i start(const Half& w, size_t run, const X& x) {
    if constexpr (kOffsets) return _mm256_setzero_si256();
    const int32_t centres = kRun == 32 ? w.centre * 0x10001 : w.centre << (run % 2 * 16);
    return _mm256_madd_epi16(minus_sums(x, run * kRun / 32), _mm256_set1_epi32(centres));
  }

  // sum += scale * x * W + offset * the sum of x.
  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add_run(const Half& w, size_t run, const X* const x[kTokens],
                                                    __m256 sum[kTokens][2]) {
    __m256i dot[kTokens][2];
    for (size_t part = 0; part < kSteps / kAdds; ++part) {
      __m256i some[kTokens][2];
      for (size_t t = 0; t < kTokens; ++t) {
        for (size_t i = 0; i < 2; ++i) some[t][i] = Dot::begin(part == 0 ? start(w, run, *x[t]) : dot[t][i]);
      }
      add_steps<Dot, kAdds, kTokens>(w.q, kSteps * run + kAdds * part, x, some);
      for (size_t t = 0; t < kTokens; ++t) {
        for (size_t i = 0; i < 2; ++i) dot[t][i] = Dot::end(some[t][i], part == 0 ? start(w, run, *x[t]) : dot[t][i]);
      }
    }
    for (size_t t = 0; t < kTokens; ++t) {
      const __m256 scale = _mm256_set1_ps(x[t]->scale[run * kRun / 32]);
      const __m256 x_sum = _mm256_set1_ps(kRun == 32 ? x[t]->sum32[run] : x[t]->sum16[run]);
      for (size_t i = 0; i < 2; ++i) {
        const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(dot[t][i]), _mm256_load_ps(w.scale[run][i]));
        sum[t][i] = _mm256_fmadd_ps(product, scale, sum[t][i]);
        if constexpr (kOffsets) sum[t][i] = _mm256_fmadd_ps(_mm256_load_ps(w.offset[run][i]), x_sum, sum[t][i]);
      }
    }
  }

  // sum += the products of an outlier, without offsets: the sums of x have them.
  [[gnu::always_inline]] static inline void add_outlier(const Half& w, const Packed8::Outlier& outlier, __m256 sum[2]) {
    const size_t run = outlier.k / kRun;
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(8 * (outlier.k % 4)));
    const __m256 value = _mm256_set1_ps(outlier.x);
    for (size_t i = 0; i < 2; ++i) {
      __m256i q = _mm256_and_si256(_mm256_srl_epi32(load32(w.q[outlier.k / 4][i]), shift), _mm256_set1_epi32(255));
      if constexpr (!kOffsets) q = _mm256_sub_epi32(q, _mm256_set1_epi32(w.centre));
      const __m256 weights = _mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_load_ps(w.scale[run][i]));
      sum[i] = _mm256_fmadd_ps(weights, value, sum[i]);
    }
  }

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const Half& w, size_t n_k, const X* const x[kTokens],
                                                __m256 sum[kTokens][2]) {
    for (size_t t = 0; t < kTokens; ++t) {
      sum[t][0] = sum[t][1] = _mm256_setzero_ps();
      for (const Packed8::Outlier& outlier : x[t]->outliers) add_outlier(w, outlier, sum[t]);
    }
    for (size_t run = 0; run < n_k / kRun; ++run) add_run<kTokens>(w, run, x, sum);
  }
};

template <class Dot, TensorType kType>
inline constexpr GemmKernels kGemmBytes =
    gemm_of<Bytes<Dot, Quants8<kType>::kBlock, Quants8<kType>::kOffsets, adds_of<Dot, kType>()>, Quants8<kType>>(
        GemmKernels::Operands::int8, pack_x8);

}  // namespace
}  // namespace quipu::kernels
