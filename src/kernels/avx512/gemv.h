// Fused matrix-vector kernels for 1 to 8 tokens with AVX-512. `Dot` adds the products of 16-bit integers, two by two,
// to 32-bit sums: vpdpwssd where the CPU has it.
#pragma once

#include "kernels/avx512/blocks16.h"
#include "kernels/avx512/pack16.h"
#include "kernels/decoded_impl.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kMaxTokens = 8;

// Tokens' packed x.
template <typename Packed>
struct Tokens {
  const std::byte* x;
  size_t stride;
  [[nodiscard]] const Packed& at(size_t t, size_t i) const {
    return *(reinterpret_cast<const Packed*>(x + t * stride) + i);
  }
};

// The sums of four registers, each in the same order.
[[gnu::always_inline]] inline __m128 sums4(__m512 a, __m512 b, __m512 c, __m512 d) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512 low = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
  const __m512 high = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
  const __m512 quarters = _mm512_add_ps(low, high);
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps(quarters, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

// kRows rows by kTokens tokens of sums to y.
template <size_t kRows, size_t kTokens>
[[gnu::always_inline]] inline void store_sums(const __m512 sum[kRows][kTokens], float* y, size_t y_stride) {
  if constexpr (kRows % 4 == 0) {
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t r = 0; r < kRows; r += 4) {
        _mm_storeu_ps(y + t * y_stride + r, sums4(sum[r][t], sum[r + 1][t], sum[r + 2][t], sum[r + 3][t]));
      }
    }
  } else {
    const __m512 zero = _mm512_setzero_ps();
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t t = 0; t < kTokens; t += 4) {
        alignas(16) float four[4];
        _mm_store_ps(four, sums4(sum[r][t], t + 1 < kTokens ? sum[r][t + 1] : zero,
                                 t + 2 < kTokens ? sum[r][t + 2] : zero, t + 3 < kTokens ? sum[r][t + 3] : zero));
        for (size_t i = t; i < kTokens && i < t + 4; ++i) y[i * y_stride + r] = four[i - t];
      }
    }
  }
}

// What a thread reads soon: the processor's own prefetching restarts at every page, and falls far behind where a row
// takes long to compute. So far ahead that memory has answered by then (measured on Zen 5: 8 KiB is as good as 16 and
// better than 1 to 4); past the caches that keep, since weights are read once for a token.
inline constexpr size_t kPrefetchBytes = 8192;
template <size_t kBytes>
[[gnu::always_inline]] inline void prefetch_weights(const std::byte* w) {
  for (size_t i = 0; i < kBytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(w + kPrefetchBytes + i), _MM_HINT_NTA);
  }
}

struct alignas(64) LaneIndex {
  uint32_t v[16];
};

template <Order kOrder>
constexpr LaneIndex group_scale_index(size_t group) {
  LaneIndex index{};
  for (size_t i = 0; i < 16; ++i) index.v[i] = static_cast<uint32_t>(block_of_quarter(kOrder, group, i / 4));
  return index;
}

// The scales of a group's blocks, each in its quarter.
template <Order kOrder>
[[gnu::always_inline]] inline __m512 group_scales(__m512 scales, size_t group) {
  static constexpr LaneIndex kIndices[4] = {group_scale_index<kOrder>(0), group_scale_index<kOrder>(1),
                                            group_scale_index<kOrder>(2), group_scale_index<kOrder>(3)};
  return _mm512_permutexvar_ps(_mm512_load_si512(kIndices[group].v), scales);
}

// Quantised types, 256 elements at a time.
template <class Dot, class Blocks>
struct GemvBlocks {
  using Packed = Packed256;
  static constexpr size_t kGroups = blocks_of_32(Blocks::kOrder) ? 2 : 4;
  static constexpr size_t kRegisters = 8 / kGroups;

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const std::byte* w, size_t n_blocks, const Tokens<Packed>& x, size_t i,
                                                __m512 sum[kTokens]) {
    const Blocks blocks(w, n_blocks);
    __m512 value[kTokens];
    for (size_t t = 0; t < kTokens; ++t) value[t] = _mm512_setzero_ps();
    for (size_t g = 0; g < kGroups; ++g) {
      if (g != 0 && blocks_of_32(Blocks::kOrder) && n_blocks <= 4) break;
      __m512i words[kRegisters];
      blocks.words(g, words);
      const __m512 scales = group_scales<Blocks::kOrder>(blocks.scales, g);
      for (size_t t = 0; t < kTokens; ++t) {
        __m512i dot = _mm512_setzero_si512();
        for (size_t j = 0; j < kRegisters; ++j) {
          dot = Dot::add(dot, words[j], _mm512_load_si512(x.at(t, i).q + 32 * (kRegisters * g + j)));
        }
        const __m512 products = _mm512_cvtepi32_ps(dot);
        value[t] = _mm512_fmadd_ps(products, scales, value[t]);
      }
    }
    for (size_t t = 0; t < kTokens; ++t) {
      const Packed& xt = x.at(t, i);
      sum[t] = _mm512_fmadd_ps(value[t], _mm512_set1_ps(xt.scale), sum[t]);
      if constexpr (Blocks::kHasOffsets && blocks_of_32(Blocks::kOrder)) {
        sum[t] = _mm512_fmadd_ps(blocks.scales, _mm512_load_ps(xt.sums), sum[t]);
      } else if constexpr (Blocks::kHasOffsets) {
        sum[t] = _mm512_fmadd_ps(blocks.offsets, _mm512_load_ps(xt.sums), sum[t]);
      }
    }
  }

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void row(const std::byte* w, size_t n_in, const Tokens<Packed>& x,
                                                __m512 sum[kTokens]) {
    for (size_t t = 0; t < kTokens; ++t) sum[t] = _mm512_setzero_ps();
    size_t i = 0;
    for (; i < n_in / 256; ++i, w += Blocks::kBytes) {
      prefetch_weights<Blocks::kBytes>(w);
      add<kTokens>(w, 8, x, i, sum);
    }
    const size_t n_blocks = n_in % 256 / 32;
    if (blocks_of_32(Blocks::kOrder) && n_blocks != 0) add<kTokens>(w, n_blocks, x, i, sum);
  }
};

// F32, F16, BF16.
template <quant::TensorType kType>
struct GemvFloat {
  struct Packed {
    float x[32];
  };

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const std::byte* w, size_t chunk, size_t n, const Tokens<Packed>& x,
                                                __m512 sum[kTokens], __m512 other_sum[kTokens]) {
    const Floats32 v = decode32<kType>(w, chunk, n);
    for (size_t t = 0; t < kTokens; ++t) {
      const float* xt = x.at(t, chunk).x;
      sum[t] = _mm512_fmadd_ps(v.a, _mm512_load_ps(xt), sum[t]);
      other_sum[t] = _mm512_fmadd_ps(v.b, _mm512_load_ps(xt + 16), other_sum[t]);
    }
  }

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void row(const std::byte* w, size_t n_in, const Tokens<Packed>& x,
                                                __m512 sum[kTokens]) {
    constexpr size_t kChunkBytes = kType == quant::TensorType::F32 ? 128 : 64;
    __m512 other_sum[kTokens];
    for (size_t t = 0; t < kTokens; ++t) sum[t] = other_sum[t] = _mm512_setzero_ps();
    for (size_t chunk = 0; chunk < n_in / 32; ++chunk) {
      prefetch_weights<kChunkBytes>(w + chunk * kChunkBytes);
      add<kTokens>(w, chunk, 32, x, sum, other_sum);
    }
    if (n_in % 32 != 0) add<kTokens>(w, n_in / 32, n_in % 32, x, sum, other_sum);
    for (size_t t = 0; t < kTokens; ++t) sum[t] = _mm512_add_ps(sum[t], other_sum[t]);
  }
};

// Row after row, so that memory is read in one stream; kRows of them are stored together.
template <class Kernel, size_t kRows, size_t kTokens>
[[gnu::always_inline]] inline void rows(const std::byte* w, const WeightRows& of,
                                        const Tokens<typename Kernel::Packed>& x, float* y, size_t y_stride) {
  __m512 sum[kRows][kTokens];
#pragma GCC unroll 1
  for (size_t r = 0; r < kRows; ++r) Kernel::template row<kTokens>(w + r * of.row_bytes, of.n_in, x, sum[r]);
  store_sums<kRows, kTokens>(sum, y, y_stride);
}

template <class Kernel, size_t kTokens>
void all_rows(const WeightRows& w, const Tokens<typename Kernel::Packed>& x, float* y, size_t y_stride) {
  constexpr size_t kRows = kTokens == 1 ? 4 : 1;
  size_t r = 0;
  for (; r + kRows <= w.n_rows; r += kRows)
    rows<Kernel, kRows, kTokens>(w.data + r * w.row_bytes, w, x, y + r, y_stride);
  for (; r < w.n_rows; ++r) rows<Kernel, 1, kTokens>(w.data + r * w.row_bytes, w, x, y + r, y_stride);
}

template <class Kernel>
void multiply(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y, size_t y_stride) {
  using AllRows = void (*)(const WeightRows&, const Tokens<typename Kernel::Packed>&, float*, size_t);
  static constexpr AllRows kFor[kMaxTokens] = {all_rows<Kernel, 1>, all_rows<Kernel, 2>, all_rows<Kernel, 3>,
                                               all_rows<Kernel, 4>, all_rows<Kernel, 5>, all_rows<Kernel, 6>,
                                               all_rows<Kernel, 7>, all_rows<Kernel, 8>};
  kFor[n_tokens - 1](w, {static_cast<const std::byte*>(x), x_stride}, y, y_stride);
}

template <class Dot, class Blocks>
inline constexpr GemvKernels kGemvBlocks = {kMaxTokens, packed_bytes, pack_x<Blocks::kOrder>,
                                            multiply<GemvBlocks<Dot, Blocks>>};
template <quant::TensorType kType>
inline constexpr GemvKernels kGemvFloat = {kMaxTokens, packed_float_bytes, pack_floats, multiply<GemvFloat<kType>>};

template <class Dot>
consteval GemvTable gemv_table() {
  using quant::TensorType;
  GemvTable table = decoded_gemv_table();
  const auto set = [&table](TensorType type, const GemvKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::F32, kGemvFloat<TensorType::F32>);
  set(TensorType::F16, kGemvFloat<TensorType::F16>);
  set(TensorType::BF16, kGemvFloat<TensorType::BF16>);
  set(TensorType::Q4_0, kGemvBlocks<Dot, BlocksQ4_0>);
  set(TensorType::Q4_1, kGemvBlocks<Dot, BlocksQ4_1>);
  set(TensorType::Q5_0, kGemvBlocks<Dot, BlocksQ5_0>);
  set(TensorType::Q5_1, kGemvBlocks<Dot, BlocksQ5_1>);
  set(TensorType::Q8_0, kGemvBlocks<Dot, BlocksQ8_0>);
  set(TensorType::Q2_K, kGemvBlocks<Dot, BlocksQ2_K>);
  set(TensorType::Q3_K, kGemvBlocks<Dot, BlocksQ3_K>);
  set(TensorType::Q4_K, kGemvBlocks<Dot, BlocksQ4_K>);
  set(TensorType::Q5_K, kGemvBlocks<Dot, BlocksQ5_K>);
  set(TensorType::Q6_K, kGemvBlocks<Dot, BlocksQ6_K>);
  set(TensorType::IQ4_NL, kGemvBlocks<Dot, BlocksIQ4_NL>);
  set(TensorType::IQ4_XS, kGemvBlocks<Dot, BlocksIQ4_XS>);
  set(TensorType::MXFP4, kGemvBlocks<Dot, BlocksMXFP4>);
  return table;
}

}  // namespace
}  // namespace quipu::kernels
