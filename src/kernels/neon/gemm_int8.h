// GEMM with int8 products for quantised weights: weights are the integers that the file has, so that only the rounding
// of x (packed8.h) costs accuracy. `Dot` multiplies, and says how a register of sums is laid out: a group of tokens by
// a set of rows.
//   kTokens     of a group
//   kSets       of the 16 rows of a panel
//   kRegisters  of 16 elements of the weights of a set
//   X, load(tokens, k)           16 elements of a group from k on
//   add(sum, w, x)               sum + the products of 16 elements
//   store(v, row, k, panel)      16 elements of rows `row` ... + 3 into a panel, for `row` a multiple of 4
//   of_rows(values, set)         values of the 16 rows, one for each sum
//   of_tokens(tokens, get)       the same of get(token)
//   add_outlier(panel, tokens, i, sums)   the i'th outlier of each token times all rows, without offsets
//   load_sums(y, stride, n_rows, sums), store_sums(...)   a group's sums from and to y, for the first n_rows
#pragma once

#include "kernels/neon/few_bits_blocks.h"
#include "kernels/neon/grid_blocks.h"
#include "kernels/neon/packed8.h"
#include "kernels/neon/unpack.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

// 256 of K by 16 rows.
template <class Dot, size_t kRun_, bool kHasOffsets>
struct alignas(64) Panel8 {
  static constexpr size_t kRun = kRun_;  // elements that share a scale
  static constexpr bool kOffsets = kHasOffsets;
  static constexpr size_t kRuns = 256 / kRun;

  int8_t q[8][Dot::kSets][2][Dot::kRegisters][16];  // [K / 32][set of rows][K / 16 % 2]: in the order of reading
  float scale[kRuns][kPanelRows];
  float offset[kOffsets ? kRuns : 1][kPanelRows];

  // 16 elements of a set.
  void load(size_t k, size_t set, int8x16_t w[Dot::kRegisters]) const {
    for (size_t i = 0; i < Dot::kRegisters; ++i) w[i] = vld1q_s8(q[k / 32][set][k / 16 % 2][i]);
  }
};

// Four values of each of four rows, to four rows of each.
inline void store_columns(const float* const rows[4], size_t at, float* out) {
  const float32x4_t v[4] = {vld1q_f32(rows[0] + at), vld1q_f32(rows[1] + at), vld1q_f32(rows[2] + at),
                            vld1q_f32(rows[3] + at)};
  float32x4_t columns[4];
  transpose4(v, columns);
  for (size_t i = 0; i < 4; ++i) vst1q_f32(out + i * kPanelRows, columns[i]);
}

template <class Dot, class Panel, class Blocks>
void unpack_panel8(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  auto* out = static_cast<Panel*>(panel);
  for (size_t k = k_begin; k < k_end; k += 256, ++out) {
    const size_t n = k_end - k < 256 ? k_end - k : 256;
    for (size_t r = 0; r < kPanelRows; r += 4) {
      Source<Blocks> sources[4];
      const auto row = [&](size_t i) {
        const size_t exist = r + i < w.n_rows ? n : 0;
        return Blocks(sources[i].of(w.data + (exist != 0 ? r + i : 0) * w.row_bytes + k / 256 * Blocks::kBytes, exist));
      };
      const Blocks rows[4] = {row(0), row(1), row(2), row(3)};
      for (size_t j = 0; j < 4; ++j) {
        int8x16_t v[4][4];
        for (size_t i = 0; i < 4; ++i) rows[i].pair(j, v[i]);
        for (size_t i = 0; i < 4; ++i) {
          const int8x16_t column[4] = {v[0][i], v[1][i], v[2][i], v[3][i]};
          Dot::store(column, r, 64 * j + 16 * i, *out);
        }
      }
      const float* const scales[4] = {rows[0].scales, rows[1].scales, rows[2].scales, rows[3].scales};
      const float* const offsets[4] = {rows[0].offsets, rows[1].offsets, rows[2].offsets, rows[3].offsets};
      for (size_t run = 0; run < Panel::kRuns; run += 4) {
        store_columns(scales, run, out->scale[run] + r);
        if constexpr (Panel::kOffsets) store_columns(offsets, run, out->offset[run] + r);
      }
    }
  }
}

// Sums of products start here: as the bits of a float32 it is 1.5 * 2^23, and so is it plus the sum for the integer
// sum, which is exact below 2^22. Taking it away costs a subtraction, which more units can do than a conversion. A run
// has at most 32 * 127 * 128 < 2^19.
inline int32x4_t no_products() {
  return vdupq_n_s32(0x4b400000);
}
inline float32x4_t to_float(int32x4_t sum) {
  return vsubq_f32(vreinterpretq_f32_s32(sum), vdupq_n_f32(0x1.8p23f));
}

// kGroups groups by all rows and 32 of K: sum += x scale * (w scale * products) + offset * the sum of x.
template <class Dot, class Panel, size_t kGroups>
[[gnu::always_inline]] inline void add_chunk(const Panel& panel, size_t chunk, const Packed8* const* tokens,
                                             float32x4_t sum[kGroups][Dot::kSets]) {
  constexpr size_t kRunsOfChunk = 32 / Panel::kRun, kSixteens = Panel::kRun / 16;
  typename Dot::X x[kGroups][2];
  float32x4_t scale[kGroups], x_sum[kGroups][kRunsOfChunk];
  for (size_t g = 0; g < kGroups; ++g) {
    const Packed8* const* group = tokens + g * Dot::kTokens;
    for (size_t i = 0; i < 2; ++i) x[g][i] = Dot::load(group, 32 * chunk + 16 * i);
    scale[g] = Dot::of_tokens(group, [chunk](const Packed8& t) { return t.scale[chunk]; });
    for (size_t i = 0; i < kRunsOfChunk; ++i) {
      const size_t run = kRunsOfChunk * chunk + i;
      x_sum[g][i] =
          Dot::of_tokens(group, [run](const Packed8& t) { return Panel::kRun == 32 ? t.sum32[run] : t.sum16[run]; });
    }
  }
#pragma GCC unroll 8
  for (size_t set = 0; set < Dot::kSets; ++set) {
    float32x4_t value[kGroups];
    for (size_t i = 0; i < kRunsOfChunk; ++i) {
      const size_t run = kRunsOfChunk * chunk + i;
      int32x4_t dot[kGroups];
      for (size_t g = 0; g < kGroups; ++g) dot[g] = no_products();
      for (size_t j = 0; j < kSixteens; ++j) {
        int8x16_t w[Dot::kRegisters];
        panel.load(Panel::kRun * run + 16 * j, set, w);
        for (size_t g = 0; g < kGroups; ++g) dot[g] = Dot::add(dot[g], w, x[g][kSixteens * i + j]);
      }
      const float32x4_t w_scale = Dot::of_rows(panel.scale[run], set);
      for (size_t g = 0; g < kGroups; ++g) {
        const float32x4_t products = to_float(dot[g]);
        value[g] = i == 0 ? vmulq_f32(products, w_scale) : vfmaq_f32(value[g], products, w_scale);
        if constexpr (Panel::kOffsets) {
          sum[g][set] = vfmaq_f32(sum[g][set], Dot::of_rows(panel.offset[run], set), x_sum[g][i]);
        }
      }
    }
    for (size_t g = 0; g < kGroups; ++g) sum[g][set] = vfmaq_f32(sum[g][set], value[g], scale[g]);
  }
}

// The next n_tokens; where a group lacks some, its last token stands in for them.
template <class Dot, class Panel, size_t kGroups>
void multiply_tile8(const PanelProduct& p, size_t n_tokens, const std::byte* x, float* y) {
  constexpr size_t kTokens = kGroups * Dot::kTokens;
  const Packed8* tokens[kTokens];
  float* ys[kTokens];
  for (size_t t = 0; t < kTokens; ++t) {
    const size_t token = t < n_tokens ? t : n_tokens - 1;
    tokens[t] = reinterpret_cast<const Packed8*>(x + token * p.x_stride);
    ys[t] = y + token * p.y_stride;
  }
  float32x4_t sum[kGroups][Dot::kSets];
  for (size_t g = 0; g < kGroups; ++g) Dot::load_sums(ys + g * Dot::kTokens, p.accumulate ? p.n_rows : 0, sum[g]);
  const auto* panel = static_cast<const Panel*>(p.panel);
  for (size_t k = 0; k < p.n_k; k += 256, ++panel) {
    const size_t n_chunks = p.n_k - k < 256 ? (p.n_k - k) / 32 : 8;
    for (size_t chunk = 0; chunk < n_chunks; ++chunk) add_chunk<Dot, Panel, kGroups>(*panel, chunk, tokens, sum);
    for (size_t g = 0; g < kGroups; ++g) {
      for (size_t i = 0; i < kOutliers; ++i) Dot::add_outlier(*panel, tokens + g * Dot::kTokens, i, sum[g]);
    }
    for (const Packed8*& token : tokens) ++token;
  }
  for (size_t g = 0; g < kGroups; ++g) Dot::store_sums(sum[g], p.n_rows, ys + g * Dot::kTokens);
}

// Four tokens at a time: 16 sums and 8 registers of x leave 8 of the 32 registers for weights, products and scales.
template <class Dot, class Panel>
void multiply_panel8(const PanelProduct& p) {
  constexpr size_t kTileTokens = 4, kMostGroups = kTileTokens / Dot::kTokens;
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  for (size_t t = 0; t < p.n_tokens; t += kTileTokens) {
    const size_t n = p.n_tokens - t < kTileTokens ? p.n_tokens - t : kTileTokens;
    const size_t n_groups = (n + Dot::kTokens - 1) / Dot::kTokens;
    if (n_groups == kMostGroups) {
      multiply_tile8<Dot, Panel, kMostGroups>(p, n, x, y);
    } else if (n_groups == 1) {
      multiply_tile8<Dot, Panel, 1>(p, n, x, y);
    } else if (n_groups == 2) {
      multiply_tile8<Dot, Panel, 2>(p, n, x, y);
    } else {
      multiply_tile8<Dot, Panel, 3>(p, n, x, y);
    }
    x += kTileTokens * p.x_stride;
    y += kTileTokens * p.y_stride;
  }
}

template <class Dot, class Blocks>
consteval GemmKernels gemm8_of() {
  using Panel = Panel8<Dot, Blocks::kScaled, Blocks::kHasOffsets>;
  return {.operands = GemmKernels::Operands::int8,
          .panel_rows = kPanelRows,
          .panel_block_bytes = sizeof(Panel),
          .x_block_bytes = sizeof(Packed8),
          .pack_x = pack_x8,
          .unpack_panel = unpack_panel8<Dot, Panel, Blocks>,
          .multiply = multiply_panel8<Dot, Panel>};
}
template <class Dot, class Blocks>
inline constexpr GemmKernels kGemm8 = gemm8_of<Dot, Blocks>();

template <class Dot>
consteval GemmTable gemm8_table() {
  GemmTable table{};
  const auto set = [&table](TensorType type, const GemmKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::Q4_0, kGemm8<Dot, BlocksQ4_0>);
  set(TensorType::Q4_1, kGemm8<Dot, BlocksQ4_1>);
  set(TensorType::Q5_0, kGemm8<Dot, BlocksQ5_0>);
  set(TensorType::Q5_1, kGemm8<Dot, BlocksQ5_1>);
  set(TensorType::Q8_0, kGemm8<Dot, BlocksQ8_0>);
  set(TensorType::Q2_K, kGemm8<Dot, BlocksQ2_K>);
  set(TensorType::Q3_K, kGemm8<Dot, BlocksQ3_K>);
  set(TensorType::Q4_K, kGemm8<Dot, BlocksQ4_K>);
  set(TensorType::Q5_K, kGemm8<Dot, BlocksQ5_K>);
  set(TensorType::Q6_K, kGemm8<Dot, BlocksQ6_K>);
  set(TensorType::IQ4_NL, kGemm8<Dot, BlocksIQ4_NL>);
  set(TensorType::IQ4_XS, kGemm8<Dot, BlocksIQ4_XS>);
  set(TensorType::MXFP4, kGemm8<Dot, BlocksMXFP4>);
  set(TensorType::IQ1_S, kGemm8<Dot, BlocksIQ1_S>);
  set(TensorType::IQ1_M, kGemm8<Dot, BlocksIQ1_M>);
  set(TensorType::IQ2_XXS, kGemm8<Dot, BlocksIQ2_XXS>);
  set(TensorType::IQ2_XS, kGemm8<Dot, BlocksIQ2_XS>);
  set(TensorType::IQ2_S, kGemm8<Dot, BlocksIQ2_S>);
  set(TensorType::IQ3_XXS, kGemm8<Dot, BlocksIQ3_XXS>);
  set(TensorType::IQ3_S, kGemm8<Dot, BlocksIQ3_S>);
  set(TensorType::TQ1_0, kGemm8<Dot, BlocksTQ1_0>);
  set(TensorType::TQ2_0, kGemm8<Dot, BlocksTQ2_0>);
  set(TensorType::NVFP4, kGemm8<Dot, BlocksNVFP4>);
  set(TensorType::Q1_0, kGemm8<Dot, BlocksQ1_0>);
  set(TensorType::Q2_0, kGemm8<Dot, BlocksQ2_0>);
  return table;
}

}  // namespace
}  // namespace quipu::kernels
