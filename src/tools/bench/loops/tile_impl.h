// Tiles of AMX: 16 rows of 64 bytes each, four sums of two times two factors.
#pragma once

#include <immintrin.h>

#include "tools/bench/loops.h"

namespace quipu::tools::loops {
namespace {

// Intel SDM, volume 1, 18.3: the 64 bytes that LDTILECFG reads.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShapes) == 64);

inline void load_shapes() {
  const TileShapes shapes;
  // GCC does not know that the instruction reads all 64 bytes, and would drop the stores.
  __asm__ volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}

constexpr uint64_t kProductsPerRound = 4;

}  // namespace
}  // namespace quipu::tools::loops
