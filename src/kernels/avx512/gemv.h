// Fused matrix-vector kernels for few tokens with AVX-512. `Dot` adds the products of 16-bit integers, two by two,
// to 32-bit sums: vpdpwssd where the CPU has it.
#pragma once

#include "kernels/avx512/blocks16.h"
#include "kernels/avx512/pack16.h"
#include "kernels/decoded_impl.h"
#include "kernels/x86/few_tokens.h"

namespace quipu::kernels {
namespace {

// Each sum in the same order.
struct Sums {
  using V = __m512;
  static V zero() { return _mm512_setzero_ps(); }
  [[gnu::always_inline]] static __m128 of4(V a, V b, V c, V d) {
    const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const __m512 low = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
    const __m512 high = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
    const __m512 quarters = _mm512_add_ps(low, high);
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps(quarters, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  }
};

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
  using Sums = kernels::Sums;
  static constexpr size_t kTokens = Dot::kTokens;
  static constexpr size_t kGroups = blocks_of_32(Blocks::kOrder) ? 2 : 4;
  static constexpr size_t kRegisters = 8 / kGroups;

  template <size_t kN>
  [[gnu::always_inline]] static inline void add(const Blocks& blocks, const Tokens<Packed>& x, size_t i,
                                                __m512 sum[kN]) {
    __m512 value[kN];
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) value[t] = _mm512_setzero_ps();
#pragma GCC unroll 8
    for (size_t g = 0; g < kGroups; ++g) {
      __m512i words[kRegisters];
      blocks.words(g, words);
      const __m512 scales = group_scales<Blocks::kOrder>(blocks.scales, g);
#pragma GCC unroll 8
      for (size_t t = 0; t < kN; ++t) {
        __m512i dot = _mm512_setzero_si512();
#pragma GCC unroll 8
        for (size_t j = 0; j < kRegisters; ++j) {
          dot = Dot::add(dot, words[j], _mm512_load_si512(x.at(t, i).q + 32 * (kRegisters * g + j)));
        }
        const __m512 products = _mm512_cvtepi32_ps(dot);
        value[t] = _mm512_fmadd_ps(products, scales, value[t]);
      }
    }
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) {
      const Packed& xt = x.at(t, i);
      sum[t] = _mm512_fmadd_ps(value[t], _mm512_set1_ps(xt.scale), sum[t]);
      if constexpr (Blocks::kHasOffsets && blocks_of_32(Blocks::kOrder)) {
        sum[t] = _mm512_fmadd_ps(blocks.scales, _mm512_load_ps(xt.sums), sum[t]);
      } else if constexpr (Blocks::kHasOffsets) {
        sum[t] = _mm512_fmadd_ps(blocks.offsets, _mm512_load_ps(xt.sums), sum[t]);
      }
    }
  }

  template <size_t kN>
  [[gnu::always_inline]] static inline void row(const std::byte* w, size_t n_in, const Tokens<Packed>& x,
                                                __m512 result[kN]) {
    __m512 sum[kN];
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) sum[t] = Sums::zero();
    Groups<Blocks::kBytes, Blocks::kOrder == Order::blocks32> groups(w, n_in);
    size_t i = 0;
    do {
      for (; i < groups.end; ++i, groups.next()) {
        prefetch_weights<Blocks::kBytes>(groups.at);
        add<kN>(Blocks(groups.at, 8), x, i, sum);
      }
    } while (groups.rest());
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) result[t] = sum[t];
  }
};

// F32, F16, BF16.
template <quant::TensorType kType>
struct GemvFloat {
  struct Packed {
    float x[32];
  };
  using Sums = kernels::Sums;
  static constexpr size_t kTokens = 4;

  template <size_t kN>
  [[gnu::always_inline]] static inline void row(const std::byte* w, size_t n_in, const Tokens<Packed>& x,
                                                __m512 total[kN]) {
    constexpr size_t kChunkBytes = kType == quant::TensorType::F32 ? 128 : 64;
    __m512 sum[kN][2];
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) sum[t][0] = sum[t][1] = Sums::zero();
    const auto add = [&](const Floats32& v, size_t chunk) {
#pragma GCC unroll 8
      for (size_t t = 0; t < kN; ++t) {
        const float* xt = x.at(t, chunk).x;
        sum[t][0] = _mm512_fmadd_ps(v.a, _mm512_load_ps(xt), sum[t][0]);
        sum[t][1] = _mm512_fmadd_ps(v.b, _mm512_load_ps(xt + 16), sum[t][1]);
      }
    };
    for (size_t chunk = 0; chunk < n_in / 32; ++chunk) {
      prefetch_weights<kChunkBytes>(w + chunk * kChunkBytes);
      add(decode32<kType>(w, chunk, 32), chunk);
    }
    if (n_in % 32 != 0) add(decode32<kType>(w, n_in / 32, n_in % 32), n_in / 32);
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) total[t] = _mm512_add_ps(sum[t][0], sum[t][1]);
  }
};

template <class Dot, class Blocks>
inline constexpr GemvKernels kGemvBlocks = {kMaxTokens, packed_bytes, pack_x<Blocks::kOrder>,
                                            multiply_few<GemvBlocks<Dot, Blocks>>};
template <quant::TensorType kType>
inline constexpr GemvKernels kGemvFloat = {kMaxTokens, packed_float_bytes, pack_floats, multiply_few<GemvFloat<kType>>};

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
