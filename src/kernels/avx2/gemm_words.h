// A Format of gemm_tiles.h for weights of more than 6 bits: 16-bit integers, exact, by 16-bit integers of x with a
// scale for each 256. Where bytes are multiplied into sums of 16 bits these types have no room for sums, so that bytes
// would take as many instructions.
#pragma once

#include "kernels/avx2/gemm_tiles.h"
#include "kernels/avx2/pack16.h"

namespace quipu::kernels {
namespace {

// x = scale * q; each four of q as 0, 2, 1, 3. With a NaN or infinity in it the scale is NaN and q are zeros.
struct alignas(64) PackedWords {
  int16_t q[256];
  float scale;
};

void pack_words(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<PackedWords*>(packed);
  const __m256i order =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    alignas(32) float group[256];
    const size_t n = n_in - k < 256 ? n_in - k : 256;
    __builtin_memcpy(group, x + k, n * sizeof(float));
    if (n < 256) __builtin_memset(group + n, 0, (256 - n) * sizeof(float));
    const Quantizer quantizer = quantizer_of(group);
    const __m256 inverse = _mm256_set1_ps(quantizer.inverse);
    for (size_t i = 0; i < 256; i += 16) {
      const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_load_ps(group + i), inverse));
      const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_load_ps(group + i + 8), inverse));
      const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
      _mm256_store_si256(reinterpret_cast<__m256i*>(out->q + i),
                         quantizer.inverse == 0 ? _mm256_setzero_si256() : _mm256_shuffle_epi8(words, order));
    }
    out->scale = quantizer.scale;
  }
}

template <size_t kRun_>
struct alignas(64) WordsHalf {
  static constexpr size_t kRun = kRun_, kRuns = 256 / kRun;
  uint8_t q[128][2][32];  // [K / 2][half of rows][8 rows by 2 of K], 16 bits each
  float scale[kRuns][2][8];

  template <class Quants>
  [[gnu::always_inline]] void put(size_t four, size_t pair, __m256i v) {
    const __m256i bytes = _mm256_sub_epi8(v, _mm256_set1_epi8(static_cast<char>(1 << Quants::kCentre)));
    _mm256_store_si256(reinterpret_cast<__m256i*>(q[2 * four][pair]),
                       _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8));
    _mm256_store_si256(reinterpret_cast<__m256i*>(q[2 * four + 1][pair]), _mm256_srai_epi16(bytes, 8));
  }
  template <class Quants>
  [[gnu::always_inline]] void put_scales(const Rows8& rows, size_t n_chunks, size_t pair) {
    put_float_scales<Quants>(rows, n_chunks, this, pair);
  }
};

// The sums of a run are at most 32 * 32767 * 128.
struct DotWords {
  [[gnu::always_inline]] static void add(__m256i& sum, __m256i w, __m256i x) {
    add_in_place32(sum, _mm256_madd_epi16(w, x));
  }
};

template <size_t kRun>
struct Words {
  using X = PackedWords;
  using Half = WordsHalf<kRun>;

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const Half& w, size_t n_k, const X* const x[kTokens],
                                                __m256 sum[kTokens][2]) {
    for (size_t t = 0; t < kTokens; ++t) sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    for (size_t run = 0; run < n_k / kRun; ++run) {
      __m256i dot[kTokens][2];
      for (size_t t = 0; t < kTokens; ++t) dot[t][0] = dot[t][1] = _mm256_setzero_si256();
      add_steps<DotWords, kRun / 2, kTokens>(w.q, kRun / 2 * run, x, dot);
      for (size_t t = 0; t < kTokens; ++t) {
        for (size_t i = 0; i < 2; ++i) {
          sum[t][i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[t][i]), _mm256_load_ps(w.scale[run][i]), sum[t][i]);
        }
      }
    }
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t i = 0; i < 2; ++i) sum[t][i] = _mm256_mul_ps(sum[t][i], _mm256_set1_ps(x[t]->scale));
    }
  }
};

template <class Quants>
struct WordsOf {
  static constexpr GemmKernels value = gemm_of<Words<Quants::kBlock>, Quants>(GemmKernels::Operands::int16, pack_words);
};
template <TensorType kType>
inline constexpr const GemmKernels& kGemmWords = WordsOf<Quants8<kType>>::value;

}  // namespace
}  // namespace quipu::kernels
