// The product of a panel and any number of tokens over tiles: 32 tokens by 32 rows in four tiles of sums, two tiles of
// x and two of weights. `Tiles`: tile_shapes.h. Plain C++ but for that.
//
// Numbers are kParts bfloat16 each: one, rounded, or two whose sum they are but for 2^-16 of them. Products of two
// numbers of two parts leave that of the small parts out.
//   panel: [K / 32][part][16 pairs of k][32 rows][2 of k], x: [K / 32][part][32 of k]
// K is a multiple of 32 in both, filled with zeros.
//
// Why bfloat16, not int8. Cycles are those of Intel's optimization manual ('Intel AMX instructions throughput and
// latency'): a product of either kind takes one for each row of x, 16 for a whole tile, a load of a tile 8, a store 16.
// - bfloat16: 32 of K are 4 products (64 cycles), and 4 loads (32) that run beside them: 1024 operations a cycle.
// - int8 takes 64 of K in the time of 32, but weights have a scale for each 32 or 16 of K, and x needs one for each 32.
//   So a product ends after 32 of K, in 16 cycles as well; then its tile of integers is stored (16 cycles), and each of
//   16 registers loaded, converted, scaled twice and added: 48 vector operations on two ports, 24 cycles at the least
//   where bfloat16 takes 16; with scales of 16 twice that.
// - One scale for 256 of x, as llama.cpp has for its K types, does not help: the weights' own scales lie within.
// And it is more exact: bfloat16 rounds x to 2^-9 of itself, int8 to 2^-8 of the largest of 32; amx_test.cpp compares.
//
// Sums of a group of tokens are loaded and stored once for a panel's K: at 256, 96 cycles beside 512 of products.
// A thread switch is cheap between calls, which give the tiles back; LDTILECFG takes some 200 cycles a call, where 512
// tokens are 8192 of products. x (16 rows far apart, each one cache line) comes from L2, 2 KiB in 64 cycles; a panel's
// 16 KiB from L1. A product's latency is 52 cycles: four sums in turn hide it, the two of 16 tokens or fewer do not.
#pragma once

#include "kernels/ahead.h"
#include "kernels/amx_bf16/tile_shapes.h"
#include "kernels/kernels.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kTilePanelRows = 2 * kTileRows;
inline constexpr size_t kGroupTokens = 2 * kTileRows;
inline constexpr size_t kTileK = kTileRowBytes / 2;
// Of a panel: the two tiles of weights lie side by side.
inline constexpr size_t kPanelStride = 2 * kTileRowBytes;

// Tiles: 0 ... 3 sums of [half of tokens][half of rows], 4 and 5 x, 6 and 7 weights.
constexpr TileShapes shapes_of(size_t n_tokens, size_t n_rows) {
  const auto half = [](size_t n, size_t i) {
    const size_t before = i * kTileRows;
    return n < before ? 0 : n - before < kTileRows ? n - before : kTileRows;
  };
  TileShapes shapes;
  for (size_t i = 0; i < 2; ++i) {
    shapes.set(4 + i, half(n_tokens, i), kTileRowBytes);
    shapes.set(6 + i, kTileRows, half(n_rows, i) * sizeof(float));
    for (size_t j = 0; j < 2; ++j) shapes.set(2 * i + j, half(n_tokens, i), half(n_rows, j) * sizeof(float));
  }
  return shapes;
}

// Up to 16 tokens (kTokenHalves 1) or 32, up to 16 rows or 32.
template <class Tiles, size_t kTokenHalves, size_t kRowHalves>
struct TileGroup {
  Tiles& tiles;
  size_t x_stride, y_stride;  // bytes

  void load_x(const std::byte* x) {
    tiles.template load<4>(x, x_stride);
    if constexpr (kTokenHalves == 2) tiles.template load<5>(x + kTileRows * x_stride, x_stride);
  }
  void load_weights(const std::byte* w) {
    tiles.template load<6>(w, kPanelStride);
    if constexpr (kRowHalves == 2) tiles.template load<7>(w + kTileRowBytes, kPanelStride);
  }
  void multiply() {
    tiles.template multiply_bf16<0, 4, 6>();
    if constexpr (kRowHalves == 2) tiles.template multiply_bf16<1, 4, 7>();
    if constexpr (kTokenHalves == 2) tiles.template multiply_bf16<2, 5, 6>();
    if constexpr (kTokenHalves == 2 && kRowHalves == 2) tiles.template multiply_bf16<3, 5, 7>();
  }
  void load_sums(const std::byte* y) {
    tiles.template load<0>(y, y_stride);
    if constexpr (kRowHalves == 2) tiles.template load<1>(y + kTileRowBytes, y_stride);
    if constexpr (kTokenHalves == 2) tiles.template load<2>(y + kTileRows * y_stride, y_stride);
    if constexpr (kTokenHalves == 2 && kRowHalves == 2) {
      tiles.template load<3>(y + kTileRows * y_stride + kTileRowBytes, y_stride);
    }
  }
  void zero_sums() {
    tiles.template zero<0>();
    if constexpr (kRowHalves == 2) tiles.template zero<1>();
    if constexpr (kTokenHalves == 2) tiles.template zero<2>();
    if constexpr (kTokenHalves == 2 && kRowHalves == 2) tiles.template zero<3>();
  }
  void store_sums(std::byte* y) {
    tiles.template store<0>(y, y_stride);
    if constexpr (kRowHalves == 2) tiles.template store<1>(y + kTileRowBytes, y_stride);
    if constexpr (kTokenHalves == 2) tiles.template store<2>(y + kTileRows * y_stride, y_stride);
    if constexpr (kTokenHalves == 2 && kRowHalves == 2) {
      tiles.template store<3>(y + kTileRows * y_stride + kTileRowBytes, y_stride);
    }
  }
};

template <class Tiles, size_t kParts, size_t kTokenHalves, size_t kRowHalves>
void multiply_group(Tiles& tiles, const PanelProduct& p, const std::byte* x, float* sums, Ahead& ahead) {
  constexpr size_t kPartBytes = kTileRows * kPanelStride;
  TileGroup<Tiles, kTokenHalves, kRowHalves> group{tiles, p.x_stride, p.y_stride * sizeof(float)};
  auto* y = reinterpret_cast<std::byte*>(sums);
  const auto* w = static_cast<const std::byte*>(p.panel);
  if (p.accumulate) {
    group.load_sums(y);
  } else {
    group.zero_sums();
  }
  for (size_t k = 0; k < p.n_k; k += kTileK, x += kParts * kTileRowBytes, w += kParts * kPartBytes) {
    ahead.step();
    if constexpr (kParts == 1) {
      group.load_x(x);
      group.load_weights(w);
      group.multiply();
    } else {  // in an order in which one of two tiles is loaded each time
      group.load_x(x + kTileRowBytes);
      group.load_weights(w);
      group.multiply();
      group.load_x(x);
      group.multiply();
      group.load_weights(w + kPartBytes);
      group.multiply();
    }
  }
  group.store_sums(y);
}

template <class Tiles, size_t kParts>
void multiply_in_tiles(const PanelProduct& p) {
  if (p.n_tokens == 0) return;
  const size_t n_groups = (p.n_tokens + kGroupTokens - 1) / kGroupTokens;
  Ahead ahead(p.ahead, n_groups * ((p.n_k + kTileK - 1) / kTileK));
  Tiles tiles;
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  size_t configured = 0;
  for (size_t left = p.n_tokens; left != 0;) {
    const size_t n = left < kGroupTokens ? left : kGroupTokens;
    if (n != configured) {
      tiles.configure(shapes_of(n, p.n_rows));
      configured = n;
    }
    const bool many_tokens = n > kTileRows, many_rows = p.n_rows > kTileRows;
    const auto multiply =
        many_tokens ? (many_rows ? &multiply_group<Tiles, kParts, 2, 2> : &multiply_group<Tiles, kParts, 2, 1>)
                    : (many_rows ? &multiply_group<Tiles, kParts, 1, 2> : &multiply_group<Tiles, kParts, 1, 1>);
    multiply(tiles, p, x, y, ahead);
    x += n * p.x_stride;
    y += n * p.y_stride;
    left -= n;
  }
}

}  // namespace
}  // namespace quipu::kernels
