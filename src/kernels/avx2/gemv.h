// Fused matrix-vector kernels for few tokens with AVX2. `Dot` adds the products of 16-bit integers, two by two, to
// 32-bit sums: vpdpwssd where the CPU has it.
#pragma once

#include "kernels/avx2/blocks16.h"
#include "kernels/avx2/pack16.h"
#include "kernels/decoded_impl.h"
#include "kernels/x86/few_tokens.h"

namespace quipu::kernels {
namespace {

// Each sum in the same order.
struct Sums {
  using V = __m256;
  static V zero() { return _mm256_setzero_ps(); }
  [[gnu::always_inline]] static __m128 of4(V a, V b, V c, V d) {
    const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
  }
};

struct alignas(32) LaneIndex {
  uint32_t v[8];
};

template <Order kOrder>
constexpr LaneIndex group_scale_index(size_t group, size_t half) {
  LaneIndex index{};
  for (size_t i = 0; i < 8; ++i) {
    index.v[i] = static_cast<uint32_t>(block_of_quarter(kOrder, group, 2 * half + i / 4) % 8);
  }
  return index;
}

// The scales of the two blocks in half a register of a group, four times each.
template <Order kOrder>
[[gnu::always_inline]] inline __m256 group_scales(const __m256* scales, size_t group, size_t half) {
  static constexpr LaneIndex kIndices[4][2] = {{group_scale_index<kOrder>(0, 0), group_scale_index<kOrder>(0, 1)},
                                               {group_scale_index<kOrder>(1, 0), group_scale_index<kOrder>(1, 1)},
                                               {group_scale_index<kOrder>(2, 0), group_scale_index<kOrder>(2, 1)},
                                               {group_scale_index<kOrder>(3, 0), group_scale_index<kOrder>(3, 1)}};
  const size_t which = blocks_of_32(kOrder) ? 0 : block_of_quarter(kOrder, group, 2 * half) / 8;
  const __m256i index = _mm256_load_si256(reinterpret_cast<const __m256i*>(kIndices[group][half].v));
  return _mm256_permutevar8x32_ps(scales[which], index);
}

template <class Blocks>
[[gnu::always_inline]] inline const __m256* word_scales(const Blocks& blocks) {
  if constexpr (requires { blocks.word_scales; }) {
    return blocks.word_scales;
  } else {
    return blocks.scales;
  }
}

// Quantised types, 256 elements at a time.
template <class Dot, class Blocks>
struct GemvBlocks {
  using Packed = Packed256;
  using Sums = kernels::Sums;
  static constexpr size_t kTokens = Dot::kTokens;
  static constexpr bool k32 = blocks_of_32(Blocks::kOrder);
  static constexpr size_t kGroups = k32 ? 2 : 4;
  static constexpr size_t kRegisters = 8 / kGroups;

  template <size_t kN>
  [[gnu::always_inline]] static inline void add(const Blocks& blocks, const Tokens<Packed>& x, size_t i,
                                                __m256 sum[kN]) {
    __m256 value[kN];
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) value[t] = _mm256_setzero_ps();
#pragma GCC unroll 8
    for (size_t g = 0; g < kGroups; ++g) {
#pragma GCC unroll 8
      for (size_t h = 0; h < 2; ++h) {
        __m256i words[kRegisters];
        blocks.words(g, h, words);
        const __m256 scales = group_scales<Blocks::kOrder>(word_scales(blocks), g, h);
#pragma GCC unroll 8
        for (size_t t = 0; t < kN; ++t) {
          const int16_t* q = x.at(t, i).q + 32 * kRegisters * g + 16 * h;
          __m256i dot = _mm256_setzero_si256();
#pragma GCC unroll 8
          for (size_t j = 0; j < kRegisters; ++j) {
            dot = Dot::add(dot, words[j], _mm256_load_si256(reinterpret_cast<const __m256i*>(q + 32 * j)));
          }
          const __m256 products = _mm256_cvtepi32_ps(dot);
          value[t] = _mm256_fmadd_ps(products, scales, value[t]);
        }
      }
    }
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) {
      const Packed& xt = x.at(t, i);
      sum[t] = _mm256_fmadd_ps(value[t], _mm256_set1_ps(xt.scale), sum[t]);
      if constexpr (Blocks::kHasOffsets && k32) {
        sum[t] = _mm256_fmadd_ps(blocks.offsets[0], _mm256_load_ps(xt.sums + 8), sum[t]);
      } else if constexpr (Blocks::kHasOffsets) {
        sum[t] = _mm256_fmadd_ps(blocks.offsets[0], _mm256_load_ps(xt.sums), sum[t]);
        sum[t] = _mm256_fmadd_ps(blocks.offsets[1], _mm256_load_ps(xt.sums + 8), sum[t]);
      }
    }
  }

  template <size_t kN>
  [[gnu::always_inline]] static inline void row(const std::byte* w, size_t n_in, const Tokens<Packed>& x,
                                                __m256 result[kN]) {
    __m256 sum[kN];
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) sum[t] = Sums::zero();
    Groups<Blocks::kBytes, Blocks::kOrder == Order::blocks32> groups(w, n_in);
    size_t i = 0;
    do {
      for (; i < groups.end; ++i, groups.next()) {
        prefetch_weights<Blocks::kBytes>(groups.at);
        add<kN>(Blocks(groups.at), x, i, sum);
      }
    } while (groups.rest());
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) result[t] = sum[t];
  }
};

// F32, F16, BF16. Four sums a row and token, in a fixed order, since an FMA takes four cycles or more.
template <TensorType kType>
struct GemvFloat {
  struct Packed {
    float x[32];
  };
  using Sums = kernels::Sums;
  static constexpr size_t kTokens = 4;

  template <size_t kN>
  [[gnu::always_inline]] static inline void row(const std::byte* w, size_t n_in, const Tokens<Packed>& x,
                                                __m256 total[kN]) {
    constexpr size_t kChunkBytes = 32 * element_bytes(kType);
    __m256 sum[kN][2];
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    const auto add = [&](const Floats32& v, size_t chunk) {
#pragma GCC unroll 8
      for (size_t t = 0; t < kN; ++t) {
        const float* xt = x.at(t, chunk).x;
#pragma GCC unroll 8
        for (size_t j = 0; j < 4; ++j) {
          sum[t][j % 2] = _mm256_fmadd_ps(v.v[j], _mm256_load_ps(xt + 8 * j), sum[t][j % 2]);
        }
      }
    };
    for (size_t chunk = 0; chunk < n_in / 32; ++chunk) {
      prefetch_weights<kChunkBytes>(w + chunk * kChunkBytes);
      add(decode32<kType>(w, chunk), chunk);
    }
    if (n_in % 32 != 0) add(decode_some<kType>(w, n_in / 32, n_in % 32), n_in / 32);
#pragma GCC unroll 8
    for (size_t t = 0; t < kN; ++t) total[t] = _mm256_add_ps(sum[t][0], sum[t][1]);
  }
};

template <class Dot, class Blocks>
inline constexpr GemvKernels kGemvBlocks = {kMaxTokens, packed_bytes, pack_x16<Blocks::kOrder>,
                                            multiply_few<GemvBlocks<Dot, Blocks>>};
template <TensorType kType>
inline constexpr GemvKernels kGemvFloat = {kMaxTokens, packed_float_bytes, pack_floats, multiply_few<GemvFloat<kType>>};

template <class Dot>
consteval GemvTable gemv_table() {
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
