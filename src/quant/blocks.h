// The blocks of the quantised tensor types as they stand in GGUF files (docs/formats/quantization.md).
// All are made of bytes alone (alignment 1): tensor data may begin at any address of a mapped file.
#pragma once

#include <bit>
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

// 8-bit form of a super-block; llama.cpp uses it for activations. x = d * q; sums[s] is the sum of q[16 s ... 16 s +
// 15].
struct BlockQ8_K {
  uint8_t d[4];  // binary32, little-endian
  int8_t q[256];
  uint8_t sums[32];  // 16 integers of 16 bits
};

// x = d * kIq4Values[q], q as in Q4_0.
struct BlockIQ4_NL {
  Half d;
  uint8_t q[16];
};

// 8 sub-blocks of 32: x = d * (scale - 32) * kIq4Values[q]. Element 32 s + i is the low half of q[16 s + i], 32 s + 16
// + i the high half. The low four bits of scale s are a half of scales_low[s / 2], the upper two bits 2 s and up of the
// little-endian scales_high.
struct BlockIQ4_XS {
  Half d;
  uint8_t scales_high[2];
  uint8_t scales_low[4];
  uint8_t q[128];
};

// The levels of IQ4_NL and IQ4_XS.
inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// x = d * (t - 1), t of 0, 1, 2. A byte b holds five ternary digits as the fraction b / 256, rounded up: digit k is the
// integer part of 3 * ((b * 3^k) mod 256) / 256. Digit k of q[i] is element 32 k + i for i < 32, element 160 + 16 k + i
// - 32 for others; of high[i] (four digits) element 240 + 4 k + i.
struct BlockTQ1_0 {
  uint8_t q[48];
  uint8_t high[4];
  Half d;
};

// x = d * (q - 1); elements lie as in Q2_K.
struct BlockTQ2_0 {
  uint8_t q[64];
  Half d;
};

// 128 elements: x = d if bit i % 8 of q[i / 8] is set, otherwise -d.
struct BlockQ1_0 {
  Half d;
  uint8_t q[16];
};

// 64 elements: x = d * (q - 1), q of element i in bits 2 (i % 4) and up of q[i / 4].
struct BlockQ2_0 {
  Half d;
  uint8_t q[16];
};

// 32 elements: x = 2^(e - 128) * kFp4Values[q], q as in Q4_0 (OCP Microscaling Formats 1.0; values are doubled).
struct BlockMXFP4 {
  uint8_t e;
  uint8_t q[16];
};

// 4 sub-blocks of 16: x = scale * kFp4Values[q] / 2, scales as unsigned E4M3 floats. Element 16 s + i is the low half
// of q[8 s + i], 16 s + 8 + i the high half.
struct BlockNVFP4 {
  uint8_t scales[4];
  uint8_t q[32];
};

// The values of an E2M1 float, doubled, by its bits.
inline constexpr int8_t kFp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

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
static_assert(kIsLaidOut<BlockQ8_K, 292>);
static_assert(kIsLaidOut<BlockIQ4_NL, 18>);
static_assert(kIsLaidOut<BlockIQ4_XS, 136>);
static_assert(kIsLaidOut<BlockTQ1_0, 54>);
static_assert(kIsLaidOut<BlockTQ2_0, 66>);
static_assert(kIsLaidOut<BlockQ1_0, 18>);
static_assert(kIsLaidOut<BlockQ2_0, 18>);
static_assert(kIsLaidOut<BlockMXFP4, 17>);
static_assert(kIsLaidOut<BlockNVFP4, 36>);

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

// Scale of a sub-block of IQ4_XS, 32 already subtracted.
inline int scale_iq4_xs(const BlockIQ4_XS& block, size_t s) {
  const int low = (block.scales_low[s / 2] >> (4 * (s % 2))) & 15;
  const int high = (block.scales_high[s / 4] >> (2 * (s % 4))) & 3;
  return (low | (high << 4)) - 32;
}

// 2^(e - 128), exactly; the scale of MXFP4 for doubled values.
inline float mxfp4_scale(uint8_t e) {
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : static_cast<uint32_t>(e - 1) << 23);
}

// Half of an unsigned E4M3 float (bias 7): the scale of NVFP4 for doubled values. 0x7f, no number there, gives 0.
inline float nvfp4_scale(uint8_t bits) {
  const int exponent = (bits >> 3) & 15;
  const int mantissa = bits & 7;
  if (bits == 0x7f) return 0;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return static_cast<float>(8 + mantissa) * std::bit_cast<float>(static_cast<uint32_t>(exponent + 127 - 11) << 23);
}

// Scale of a sub-block of Q3_K, 32 already subtracted.
inline int scale_k3(const uint8_t* scales, size_t s) {
  const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
  const int high = (scales[8 + s % 4] >> (2 * (s / 4))) & 3;
  return (low | (high << 4)) - 32;
}

}  // namespace quipu::quant
