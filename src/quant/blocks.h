// The blocks of the quantised tensor types as they stand in GGUF files (docs/formats/quantization.md).
// All are made of bytes alone (alignment 1): tensor data may begin at any address of a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/float16.h"

namespace quipu::quant {

// Elements of a super-block, the block of the K types.
inline constexpr size_t kSuperBlock = 256;
// Elements of a block of the older types.
inline constexpr size_t kBlock = 32;

// A binary16 number, little-endian.
struct Half {
  uint8_t low, high;

  [[nodiscard]] uint16_t bits() const { return static_cast<uint16_t>(low | (high << 8)); }
  [[nodiscard]] float value() const { return f16_to_f32(bits()); }
  static Half of_bits(uint16_t bits) { return {static_cast<uint8_t>(bits), static_cast<uint8_t>(bits >> 8)}; }
  static Half of(float value) { return of_bits(f32_to_f16(value)); }
};

// x = d * q
struct BlockQ8_0 {
  Half d;
  int8_t q[32];
};

// x = d * (q - 8); q of element i is the low half of byte i, of element 16 + i the high half.
struct BlockQ4_0 {
  Half d;
  uint8_t q[16];
};

// x = d * q + m
struct BlockQ4_1 {
  Half d, m;
  uint8_t q[16];
};

// x = d * (q - 16); bit 4 of element i's q is bit i of `high` (little-endian).
struct BlockQ5_0 {
  Half d;
  uint8_t high[4];
  uint8_t q[16];
};

// x = d * q + m
struct BlockQ5_1 {
  Half d, m;
  uint8_t high[4];
  uint8_t q[16];
};

// 16 sub-blocks of 16: x = d * (scales & 15) * q - dmin * (scales >> 4). Element 128 h + 32 j + i (j < 4, i < 32)
// is bits 2j and 2j+1 of q[32 h + i].
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t q[64];
  Half d, dmin;
};

// 16 sub-blocks of 16: x = d * (scale - 32) * (q - 4). The low two bits of q lie as in Q2_K; bit 2 of element 32 j + i
// is bit j of high[i]. Scale s (6 bits): low half of scales[s % 8] for s < 8, high half for others; its upper two bits
// are bits 2 (s / 4) and up of scales[8 + s % 4].
struct BlockQ3_K {
  uint8_t high[32];
  uint8_t q[64];
  uint8_t scales[12];
  Half d;
};

// 8 sub-blocks of 32: x = d * scale * q - dmin * min. Element 64 h + i is the low half of q[32 h + i], 64 h + 32 + i
// the high half (i < 32). `scales` packs 8 scales and 8 minima of 6 bits each.
struct BlockQ4_K {
  Half d, dmin;
  uint8_t scales[12];
  uint8_t q[128];
};

// As Q4_K with a fifth bit: of element 32 j + i it is bit j of high[i].
struct BlockQ5_K {
  Half d, dmin;
  uint8_t scales[12];
  uint8_t high[32];
  uint8_t q[128];
};

// 16 sub-blocks of 16: x = d * scale * (q - 32). Element 128 h + 32 j + i (j < 4, i < 32): low four bits are a half
// (the low one for j < 2) of q[64 h + 32 (j % 2) + i], the upper two are bits 2j and up of high[32 h + i].
struct BlockQ6_K {
  uint8_t q[128];
  uint8_t high[64];
  int8_t scales[16];
  Half d;
};

template <typename Block, size_t kBytes>
inline constexpr bool kIsLaidOut = sizeof(Block) == kBytes && alignof(Block) == 1;
static_assert(kIsLaidOut<BlockQ8_0, 34>);
static_assert(kIsLaidOut<BlockQ4_0, 18>);
static_assert(kIsLaidOut<BlockQ4_1, 20>);
static_assert(kIsLaidOut<BlockQ5_0, 22>);
static_assert(kIsLaidOut<BlockQ5_1, 24>);
static_assert(kIsLaidOut<BlockQ2_K, 84>);
static_assert(kIsLaidOut<BlockQ3_K, 110>);
static_assert(kIsLaidOut<BlockQ4_K, 144>);
static_assert(kIsLaidOut<BlockQ5_K, 176>);
static_assert(kIsLaidOut<BlockQ6_K, 210>);

// Scale and minimum of a sub-block of Q4_K or Q5_K: scale and min 0..3 are the low six bits of bytes s and 4 + s;
// of 4..7 the low four bits are the halves of byte 4 + s, the upper two the top bits of bytes s - 4 and s.
struct ScaleMin {
  uint8_t scale, min;
};
inline ScaleMin scale_min_k4(const uint8_t* scales, size_t s) {
  if (s < 4) return {static_cast<uint8_t>(scales[s] & 63), static_cast<uint8_t>(scales[s + 4] & 63)};
  return {static_cast<uint8_t>((scales[s + 4] & 15) | ((scales[s - 4] >> 6) << 4)),
          static_cast<uint8_t>((scales[s + 4] >> 4) | ((scales[s] >> 6) << 4))};
}

// Scale of a sub-block of Q3_K, 32 already subtracted.
inline int scale_k3(const uint8_t* scales, size_t s) {
  const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
  const int high = (scales[8 + s % 4] >> (2 * (s / 4))) & 3;
  return (low | (high << 4)) - 32;
}

}  // namespace quipu::quant
