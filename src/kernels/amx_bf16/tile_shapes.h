// The layer between the kernel and the tile instructions of AMX: a class `Tiles` of eight tiles of up to 16 rows of 64
// bytes, one thread's. HardwareTiles (hardware_tiles.h) is the instructions; the tests have one of plain C++.
//   configure(TileShapes)          before all others; all tiles become zeros
//   load<kTile>(address, stride)   the tile's rows, `stride` bytes apart
//   store<kTile>(address, stride)
//   zero<kTile>()
//   multiply_bf16<kSum, kA, kB>()  sum[m][n] += a[m][2k] b[k][2n] + a[m][2k + 1] b[k][2n + 1] over k, sum float32
// Bytes of a tile beyond its shape are neither read nor written. The destructor gives the tiles back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {
namespace {

inline constexpr size_t kTileRows = 16;
inline constexpr size_t kTileRowBytes = 64;

// What LDTILECFG reads: Intel SDM, volume 1, 18.3. A tile without rows has no bytes and may not be used.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  constexpr void set(size_t tile, size_t n_rows, size_t n_row_bytes) {
    const bool there = n_rows != 0 && n_row_bytes != 0;
    rows[tile] = static_cast<uint8_t>(there ? n_rows : 0);
    row_bytes[tile] = static_cast<uint16_t>(there ? n_row_bytes : 0);
  }
};
static_assert(sizeof(TileShapes) == 64);

}  // namespace
}  // namespace quipu::kernels
