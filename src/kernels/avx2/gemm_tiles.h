// GEMM of integers with 256-bit registers: 32 rows of weights a panel, tiles of 6 tokens by 16 rows. Which integers is
// the Format's to say:
//   X      256 of a token's packed x, whose q are taken 32 bits at a time
//   Half   256 of K by 16 rows of weights: q[steps][2][32 bytes], a step being what meets 32 bits of x, and
//            put<Quants>(four, pair, v)  4 of K by 8 rows, as Quants8 decodes them
//            put_scales<Quants>(rows, n_chunks, pair)  their scales
//   add<kTokens>(w, n_k, x, sum)  sum = the products of n_k of K, for each token and two registers of 8 rows
#pragma once

#include "kernels/avx2/quants8.h"
#include "kernels/avx2/rows8.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

constexpr size_t kPanelRows = 32;
// 6 tokens by two registers of rows are 12 integer sums; two of weights, one of x and one of products fill the 16
// registers. The float sums wait in memory meanwhile.
constexpr size_t kTileTokens = 6;

// sum += products. By hand, since GCC (12) would first multiply for all tokens, and have no registers left for the
// sums.
[[gnu::always_inline]] inline void add_in_place16(__m256i& sum, __m256i products) {
  __asm__ volatile("vpaddw %1, %0, %0" : "+x"(sum) : "x"(products));
}
[[gnu::always_inline]] inline void add_in_place32(__m256i& sum, __m256i products) {
  __asm__ volatile("vpaddd %1, %0, %0" : "+x"(sum) : "x"(products));
}

// sum[t][i] = Dot::add of kSteps steps.
template <class Dot, size_t kSteps, size_t kTokens, class X>
[[gnu::always_inline]] inline void add_steps(const uint8_t (*w)[2][32], size_t first, const X* const x[kTokens],
                                             __m256i sum[kTokens][2]) {
  for (size_t step = first; step < first + kSteps; ++step) {
    const __m256i w0 = load32(w[step][0]), w1 = load32(w[step][1]);
    for (size_t t = 0; t < kTokens; ++t) {
      int32_t four;
      __builtin_memcpy(&four, reinterpret_cast<const std::byte*>(x[t]->q) + 4 * step, sizeof four);
      const __m256i xt = _mm256_set1_epi32(four);
      Dot::add(sum[t][0], w0, xt);
      Dot::add(sum[t][1], w1, xt);
    }
  }
}

// The steps of a run whose sums Dot has room for, or a half of them, and so on.
template <class Dot, TensorType kType>
constexpr size_t adds_of() {
  using Quants = Quants8<kType>;
  size_t adds = Quants::kBlock / 4;
  while (adds * static_cast<size_t>(Quants::kLargest) * Dot::kSumOfOne > Dot::kMaxSum) adds /= 2;
  return adds;
}

template <class Half, class Quants>
struct Columns {
  Half* half;
  size_t pair;
  [[gnu::always_inline]] void put(size_t chunk, size_t i, __m256i v) {
    half->template put<Quants>(8 * chunk + i, pair, v);
  }
};

// Scales, and offsets if the type has any, of 8 rows to half->scale[run][pair] and half->offset.
template <class Quants, class Half>
[[gnu::always_inline]] inline void put_float_scales(const Rows8& rows, size_t n_chunks, Half* half, size_t pair) {
  constexpr size_t kParts = 32 / Quants::kBlock;
  __m256 scales[kParts][8], offsets[kParts][8];
  for (size_t r = 0; r < 8; ++r) {
    std::byte padded[Quants::Blocks::kBytes];
    const typename Quants::Blocks blocks(whole_block<sizeof padded>(rows.row[r], n_chunks, padded));
    for (size_t i = 0; i < kParts; ++i) {
      scales[i][r] = blocks.scales[i];
      if constexpr (Quants::kOffsets) offsets[i][r] = blocks.offsets[i];
    }
  }
  for (size_t i = 0; i < kParts; ++i) {
    transpose8(scales[i]);
    if constexpr (Quants::kOffsets) transpose8(offsets[i]);
    for (size_t j = 0; j < 8; ++j) {
      _mm256_store_ps(half->scale[8 * i + j][pair], scales[i][j]);
      if constexpr (Quants::kOffsets) _mm256_store_ps(half->offset[8 * i + j][pair], offsets[i][j]);
    }
  }
}

template <class Half, class Quants>
void unpack_rows(const Rows8& rows, size_t n_chunks, Half* half, size_t pair) {
  Columns<Half, Quants> out{half, pair};
  Quants::decode(rows, n_chunks, out);
  half->template put_scales<Quants>(rows, n_chunks, pair);
}

// Rows that are missing stand for the last; a half without rows stays as it is.
template <class Half, class Quants>
void unpack_panel(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  auto* out = static_cast<Half*>(panel);
  for (size_t k = k_begin; k < k_end; k += 256, out += 2) {
    const size_t n_chunks = k_end - k < 256 ? (k_end - k) / 32 : 8;
    for (size_t first = 0; first < w.n_rows; first += 8) {
      Rows8 rows;
      for (size_t r = 0; r < 8; ++r) {
        const size_t row = first + r < w.n_rows ? first + r : w.n_rows - 1;
        rows.row[r] = w.data + row * w.row_bytes + k / 256 * Quants::Blocks::kBytes;
      }
      unpack_rows<Half, Quants>(rows, n_chunks, out + first / 16, first / 8 % 2);
    }
  }
}

// Tokens by 16 rows of a panel, from row `first` on.
struct Tile {
  const std::byte* x;
  float* y;
  size_t first, n_rows;
};

template <class Format, size_t kTokens>
void multiply_tile(const PanelProduct& p, const Tile& tile) {
  const auto* half = static_cast<const typename Format::Half*>(p.panel) + tile.first / 16;
  const std::byte* x = tile.x;
  for (size_t k = 0; k < p.n_k; k += 256, half += 2, x += sizeof(typename Format::X)) {
    const typename Format::X* tokens[kTokens];
    for (size_t t = 0; t < kTokens; ++t) {
      tokens[t] = reinterpret_cast<const typename Format::X*>(x + t * p.x_stride);
    }
    __m256 sum[kTokens][2];
    Format::template add<kTokens>(*half, p.n_k - k < 256 ? p.n_k - k : 256, tokens, sum);
    for (size_t t = 0; t < kTokens; ++t) {
      float* y = tile.y + t * p.y_stride + tile.first;
      if (k != 0 || p.accumulate) {
        __m256 before[2];
        load_rows(y, tile.n_rows, before);
        for (size_t i = 0; i < 2; ++i) sum[t][i] = _mm256_add_ps(before[i], sum[t][i]);
      }
      store_rows(y, tile.n_rows, sum[t]);
    }
  }
}

template <class Format>
void multiply_some(const PanelProduct& p, size_t n, const Tile& tile) {
  switch (n) {
    case 1:
      return multiply_tile<Format, 1>(p, tile);
    case 2:
      return multiply_tile<Format, 2>(p, tile);
    case 3:
      return multiply_tile<Format, 3>(p, tile);
    case 4:
      return multiply_tile<Format, 4>(p, tile);
    case 5:
      return multiply_tile<Format, 5>(p, tile);
    default:
      return multiply_tile<Format, kTileTokens>(p, tile);
  }
}

// Few tokens are spread evenly over tiles: a tile of one or two does not keep the multipliers busy.
template <class Format>
void multiply_panel(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  for (size_t left = p.n_tokens; left != 0;) {
    const size_t n_tiles = (left + kTileTokens - 1) / kTileTokens, n = (left + n_tiles - 1) / n_tiles;
    for (size_t first = 0; first < p.n_rows; first += 16) {
      multiply_some<Format>(p, n, {x, y, first, p.n_rows - first < 16 ? p.n_rows - first : 16});
    }
    x += n * p.x_stride;
    y += n * p.y_stride;
    left -= n;
  }
}

template <class Format, class Quants>
consteval GemmKernels gemm_of(GemmKernels::Operands operands, void (*pack_x)(const float*, size_t, void*)) {
  return {.operands = operands,
          .min_tokens = 6,
          .panel_rows = kPanelRows,
          .panel_block_bytes = 2 * sizeof(typename Format::Half),
          .x_block_bytes = sizeof(typename Format::X),
          .pack_x = pack_x,
          .unpack_panel = unpack_panel<typename Format::Half, Quants>,
          .multiply = multiply_panel<Format>};
}

}  // namespace
}  // namespace quipu::kernels
