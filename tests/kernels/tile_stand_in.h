// The tiles of AMX in plain C++, after the pages of the instructions in Intel SDM, volume 2: their results bit for bit,
// and their faults as failed checks.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/float16.h"
#include "kernels/amx_bf16/tile_shapes.h"

namespace quipu::kernels::test {
namespace {

class StandInTiles {
 public:
  void configure(const TileShapes& shapes) {
    QUIPU_CHECK(shapes.palette == 1 && shapes.start_row == 0);
    for (const uint8_t byte : shapes.reserved) QUIPU_CHECK(byte == 0);
    for (size_t i = 0; i < 16; ++i) {
      const bool there = shapes.rows[i] != 0;
      QUIPU_CHECK(there == (shapes.row_bytes[i] != 0) && (!there || i < tiles_.size()));
      QUIPU_CHECK(shapes.rows[i] <= kTileRows && shapes.row_bytes[i] <= kTileRowBytes);
    }
    shapes_ = shapes;
    tiles_ = {};
  }
  void load(size_t tile, const void* address, size_t stride) {
    zero(tile);
    for (size_t row = 0; row < shapes_.rows[tile]; ++row) {
      std::memcpy(tiles_[tile][row], static_cast<const std::byte*>(address) + row * stride, shapes_.row_bytes[tile]);
    }
  }
  void store(size_t tile, void* address, size_t stride) const {
    check_there(tile);
    for (size_t row = 0; row < shapes_.rows[tile]; ++row) {
      std::memcpy(static_cast<std::byte*>(address) + row * stride, tiles_[tile][row], shapes_.row_bytes[tile]);
    }
  }
  void zero(size_t tile) {
    check_there(tile);
    std::memset(tiles_[tile], 0, sizeof tiles_[tile]);
  }
  // The pairs' first products are summed alone, their second ones too; both sums, and what was there, are added then.
  void multiply_bf16(size_t sum, size_t a, size_t b) {
    for (const size_t tile : {sum, a, b}) check_there(tile);
    QUIPU_CHECK(sum != a && sum != b && a != b);
    QUIPU_CHECK(shapes_.rows[sum] == shapes_.rows[a] && shapes_.row_bytes[sum] == shapes_.row_bytes[b]);
    QUIPU_CHECK(shapes_.row_bytes[a] == 4 * shapes_.rows[b] && shapes_.row_bytes[sum] % 4 == 0);
    float weights[kTileRows][2][kTileRows];
    for (size_t k = 0; k < kTileRows; ++k) split(tiles_[b][k], weights[k]);
    for (size_t m = 0; m < shapes_.rows[sum]; ++m) {
      float x[2][kTileRows], sums[2][kTileRows] = {}, old[kTileRows];
      split(tiles_[a][m], x);
      for (size_t k = 0; k < shapes_.rows[b]; ++k) {
        for (size_t i = 0; i < 2; ++i) {
          for (size_t n = 0; n < kTileRows; ++n) sums[i][n] = multiply_add(x[i][k], weights[k][i][n], sums[i][n]);
        }
      }
      std::memcpy(old, tiles_[sum][m], sizeof old);
      for (size_t n = 0; n < kTileRows; ++n) old[n] = flushed(flushed(old[n]) + flushed(sums[0][n] + sums[1][n]));
      std::memcpy(tiles_[sum][m], old, shapes_.row_bytes[sum]);
    }
  }

  template <int kTile>
  void load(const void* address, size_t stride) {
    load(kTile, address, stride);
  }
  template <int kTile>
  void store(void* address, size_t stride) const {
    store(kTile, address, stride);
  }
  template <int kTile>
  void zero() {
    zero(kTile);
  }
  template <int kSum, int kA, int kB>
  void multiply_bf16() {
    multiply_bf16(kSum, kA, kB);
  }

 private:
  void check_there(size_t tile) const { QUIPU_CHECK(tile < tiles_.size() && shapes_.rows[tile] != 0); }

  // Subnormal numbers count as zeros, before an operation and after it.
  static float flushed(float x) { return std::abs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }
  // Rounded once: the product of two bfloat16 is exact in double, and adding a float32 to it is exact enough there for
  // the rounding to float32 to be that of the true sum (it has more than 2 * 24 + 2 bits; Figueroa, 'When is double
  // rounding innocuous?').
  static float multiply_add(float a, float b, float c) {
    return flushed(static_cast<float>(static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c)));
  }
  // The first and the second numbers of a row's pairs.
  static void split(const std::byte row[kTileRowBytes], float out[2][kTileRows]) {
    for (size_t n = 0; n < 2 * kTileRows; ++n) {
      uint16_t bits;
      std::memcpy(&bits, row + 2 * n, sizeof bits);
      out[n % 2][n / 2] = flushed(bf16_to_f32(bits));
    }
  }

  TileShapes shapes_;
  std::array<std::byte[kTileRows][kTileRowBytes], 8> tiles_{};
};

}  // namespace
}  // namespace quipu::kernels::test
