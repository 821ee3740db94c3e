// Fused matrix-vector kernels for 1 to 8 tokens with AVX2. `Dot` adds the products of 16-bit integers, two by two, to
// 32-bit sums: vpdpwssd where the CPU has it.
#pragma once

#include "kernels/avx2/blocks16.h"
#include "kernels/avx2/pack16.h"
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
[[gnu::always_inline]] inline __m128 sums4(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}

// kRows rows by kTokens tokens of sums to y.
template <size_t kRows, size_t kTokens>
[[gnu::always_inline]] inline void store_sums(const __m256 sum[kRows][kTokens], float* y, size_t y_stride) {
  if constexpr (kRows == 4) {
    for (size_t t = 0; t < kTokens; ++t) {
      _mm_storeu_ps(y + t * y_stride, sums4(sum[0][t], sum[1][t], sum[2][t], sum[3][t]));
    }
  } else {
    const __m256 zero = _mm256_setzero_ps();
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

// Quantised types, 256 elements at a time.
template <class Dot, class Blocks>
struct GemvBlocks {
  using Packed = Packed256;
  static constexpr bool k32 = blocks_of_32(Blocks::kOrder);
  static constexpr size_t kGroups = k32 ? 2 : 4;
  static constexpr size_t kRegisters = 8 / kGroups;

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const Blocks& blocks, const Tokens<Packed>& x, size_t i,
                                                __m256 sum[kTokens]) {
    __m256 value[kTokens];
    for (size_t t = 0; t < kTokens; ++t) value[t] = _mm256_setzero_ps();
    for (size_t g = 0; g < kGroups; ++g) {
      for (size_t h = 0; h < 2; ++h) {
        __m256i words[kRegisters];
        blocks.words(g, h, words);
        const __m256 scales = group_scales<Blocks::kOrder>(blocks.scales, g, h);
        for (size_t t = 0; t < kTokens; ++t) {
          const int16_t* q = x.at(t, i).q + 32 * kRegisters * g + 16 * h;
          __m256i dot = _mm256_setzero_si256();
          for (size_t j = 0; j < kRegisters; ++j) {
            dot = Dot::add(dot, words[j], _mm256_load_si256(reinterpret_cast<const __m256i*>(q + 32 * j)));
          }
          const __m256 products = _mm256_cvtepi32_ps(dot);
          value[t] = _mm256_fmadd_ps(products, scales, value[t]);
        }
      }
    }
    for (size_t t = 0; t < kTokens; ++t) {
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

  template <size_t kRows, size_t kTokens>
  static void rows(const std::byte* w, size_t row_bytes, size_t n_in, const Tokens<Packed>& x, float* y,
                   size_t y_stride) {
    __m256 sum[kRows][kTokens];
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t t = 0; t < kTokens; ++t) sum[r][t] = _mm256_setzero_ps();
    }
    size_t i = 0;
    for (; i < n_in / 256; ++i, w += Blocks::kBytes) {
      for (size_t r = 0; r < kRows; ++r) add<kTokens>(Blocks(w + r * row_bytes), x, i, sum[r]);
    }
    if constexpr (k32) {
      if (const size_t n_blocks = n_in % 256 / 32; n_blocks != 0) {
        for (size_t r = 0; r < kRows; ++r) {
          std::byte padded[Blocks::kBytes] = {};
          __builtin_memcpy(padded, w + r * row_bytes, n_blocks * (Blocks::kBytes / 8));
          add<kTokens>(Blocks(padded), x, i, sum[r]);
        }
      }
    }
    store_sums<kRows, kTokens>(sum, y, y_stride);
  }
};

// F32, F16, BF16. Four sums a row and token, in a fixed order, since an FMA takes four cycles or more.
template <TensorType kType>
struct GemvFloat {
  struct Packed {
    float x[32];
  };

  template <size_t kRows, size_t kTokens>
  static void rows(const std::byte* w, size_t row_bytes, size_t n_in, const Tokens<Packed>& x, float* y,
                   size_t y_stride) {
    static_assert(kRows == 1);
    static_cast<void>(row_bytes);
    __m256 sum[kTokens][2];
    for (size_t t = 0; t < kTokens; ++t) sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    const auto add = [&](const Floats32& v, size_t chunk) {
      for (size_t t = 0; t < kTokens; ++t) {
        const float* xt = x.at(t, chunk).x;
        for (size_t j = 0; j < 4; ++j) {
          sum[t][j % 2] = _mm256_fmadd_ps(v.v[j], _mm256_load_ps(xt + 8 * j), sum[t][j % 2]);
        }
      }
    };
    for (size_t chunk = 0; chunk < n_in / 32; ++chunk) add(decode32<kType>(w, chunk), chunk);
    if (n_in % 32 != 0) add(decode_some<kType>(w, n_in / 32, n_in % 32), n_in / 32);
    __m256 total[1][kTokens];
    for (size_t t = 0; t < kTokens; ++t) total[0][t] = _mm256_add_ps(sum[t][0], sum[t][1]);
    store_sums<1, kTokens>(total, y, y_stride);
  }
};

template <class Kernel, size_t kRows, size_t kTokens>
void all_rows(const WeightRows& w, const void* x, size_t x_stride, float* y, size_t y_stride) {
  const Tokens<typename Kernel::Packed> tokens{static_cast<const std::byte*>(x), x_stride};
  const std::byte* row = w.data;
  size_t r = 0;
  for (; r + kRows <= w.n_rows; r += kRows, row += kRows * w.row_bytes) {
    Kernel::template rows<kRows, kTokens>(row, w.row_bytes, w.n_in, tokens, y + r, y_stride);
  }
  for (; r < w.n_rows; ++r, row += w.row_bytes) {
    Kernel::template rows<1, kTokens>(row, w.row_bytes, w.n_in, tokens, y + r, y_stride);
  }
}

template <class Kernel, size_t kRowsOfOne>
void multiply_few(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y, size_t y_stride) {
  switch (n_tokens) {
    case 1:
      return all_rows<Kernel, kRowsOfOne, 1>(w, x, x_stride, y, y_stride);
    case 2:
      return all_rows<Kernel, 1, 2>(w, x, x_stride, y, y_stride);
    case 3:
      return all_rows<Kernel, 1, 3>(w, x, x_stride, y, y_stride);
    case 4:
      return all_rows<Kernel, 1, 4>(w, x, x_stride, y, y_stride);
    case 5:
      return all_rows<Kernel, 1, 5>(w, x, x_stride, y, y_stride);
    case 6:
      return all_rows<Kernel, 1, 6>(w, x, x_stride, y, y_stride);
    case 7:
      return all_rows<Kernel, 1, 7>(w, x, x_stride, y, y_stride);
    case 8:
      return all_rows<Kernel, 1, 8>(w, x, x_stride, y, y_stride);
    default:
      __builtin_trap();
  }
}

template <class Dot, class Blocks>
inline constexpr GemvKernels kGemvBlocks = {kMaxTokens, packed_bytes, pack_x16<Blocks::kOrder>,
                                            multiply_few<GemvBlocks<Dot, Blocks>, 4>};
template <TensorType kType>
inline constexpr GemvKernels kGemvFloat = {kMaxTokens, packed_float_bytes, pack_floats,
                                           multiply_few<GemvFloat<kType>, 1>};

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
