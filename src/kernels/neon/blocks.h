// Weights as signed bytes, straight from their blocks and in the order of the row: NEON. The common form of every
// quantised type, from which all ARM64 kernels go on.
//
// A type is a struct that is made from 256 elements of a row (kBytes of them, zeros behind the last block), and gives
//   kScaled      how many elements share a scale: 32 or 16
//   scales       one for each of those
//   offsets      the same, if kHasOffsets
//   pair(j, w)   elements 64 j ... 64 j + 63: weight = scale * w + offset
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"
#include "quant/types.h"

namespace quipu::kernels {
namespace {

inline uint8x16_t load16(const void* p) {
  return vld1q_u8(static_cast<const uint8_t*>(p));
}
inline uint32_t load_u32(const void* p) {
  uint32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline float half_value(const quant::Half& h) {
  float16_t value;
  __builtin_memcpy(&value, &h, sizeof value);
  return value;
}
inline int8x16_t as_signed(uint8x16_t v) {
  return vreinterpretq_s8_u8(v);
}
inline uint8x16_t low_halves(uint8x16_t v) {
  return vandq_u8(v, vdupq_n_u8(15));
}
inline uint8x16_t high_halves(uint8x16_t v) {
  return vshrq_n_u8(v, 4);
}
// Two bits of every byte, from bit `shift` on.
inline uint8x16_t two_bits(uint8x16_t v, size_t shift) {
  return vandq_u8(vshlq_u8(v, vdupq_n_s8(static_cast<int8_t>(-static_cast<int>(shift)))), vdupq_n_u8(3));
}
// `value` in the bytes that have one of the bits of `mask`.
inline uint8x16_t where_set(uint8x16_t v, uint8x16_t mask, uint8_t value) {
  return vandq_u8(vtstq_u8(v, mask), vdupq_n_u8(value));
}
inline int8x16_t minus(uint8x16_t v, int8_t by) {
  return vsubq_s8(as_signed(v), vdupq_n_s8(by));
}

// Eight unsigned or signed bytes, times a factor.
inline void store_scaled(uint8x8_t bytes, float factor, float* out) {
  const uint16x8_t wide = vmovl_u8(bytes);
  vst1q_f32(out, vmulq_n_f32(vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), factor));
  vst1q_f32(out + 4, vmulq_n_f32(vcvtq_f32_u32(vmovl_high_u16(wide)), factor));
}
inline void store_scaled(int8x8_t bytes, float factor, float* out) {
  const int16x8_t wide = vmovl_s8(bytes);
  vst1q_f32(out, vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))), factor));
  vst1q_f32(out + 4, vmulq_n_f32(vcvtq_f32_s32(vmovl_high_s16(wide)), factor));
}

// The binary16 numbers kStride bytes apart from p on, eight of them.
template <size_t kStride>
inline void store_halves(const std::byte* p, float* out) {
  uint16_t bits[8];
  for (size_t i = 0; i < 8; ++i) __builtin_memcpy(&bits[i], p + i * kStride, sizeof bits[i]);
  const float16x8_t v = vreinterpretq_f16_u16(vld1q_u16(bits));
  vst1q_f32(out, vcvt_f32_f16(vget_low_f16(v)));
  vst1q_f32(out + 4, vcvt_high_f32_f16(v));
}

// Scales and offsets of 256 elements. Left out, offsets are no more than a place to write to.
template <size_t kElements, bool kOffsets>
struct Scales {
  static constexpr size_t kScaled = kElements;
  static constexpr bool kHasOffsets = kOffsets;
  alignas(16) float scales[256 / kElements];
  alignas(16) float offsets[kOffsets ? 256 / kElements : 1];
};

// ---- blocks of 32 -----------------------------------------------------------------------------------------------

// Q4_0, Q4_1, Q5_0, Q5_1: scale, then perhaps minimum, then perhaps 4 bytes of fifth bits, then 16 bytes of nibbles.
template <bool kMin, bool kFifth>
struct Blocks32 : Scales<32, kMin> {
  static constexpr size_t kBlockBytes = 18 + (kMin ? 2 : 0) + (kFifth ? 4 : 0);
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit Blocks32(const std::byte* p) : blocks(p) {
    store_halves<kBlockBytes>(p, this->scales);
    if constexpr (kMin) store_halves<kBlockBytes>(p + 2, this->offsets);
  }

  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t b = 0; b < 2; ++b) {
      const std::byte* block = blocks + (2 * j + b) * kBlockBytes;
      const uint8x16_t v = load16(block + kNibbles);
      uint8x16_t low = low_halves(v), high = high_halves(v);
      if constexpr (kFifth) {
        low = vorrq_u8(low, fifth_bits(block + kHigh));
        high = vorrq_u8(high, fifth_bits(block + kHigh + 2));
      }
      w[2 * b] = kMin ? as_signed(low) : minus(low, kFifth ? 16 : 8);
      w[2 * b + 1] = kMin ? as_signed(high) : minus(high, kFifth ? 16 : 8);
    }
  }

  const std::byte* blocks;

 private:
  static constexpr size_t kHigh = kMin ? 4 : 2;
  static constexpr size_t kNibbles = kHigh + (kFifth ? 4 : 0);
  // 16 where bit i of the 16 at p is set.
  static uint8x16_t fifth_bits(const std::byte* p) {
    const auto* bits = reinterpret_cast<const uint8_t*>(p);
    const uint8x16_t mask = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201ull));
    return where_set(vcombine_u8(vld1_dup_u8(bits), vld1_dup_u8(bits + 1)), mask, 16);
  }
};
using BlocksQ4_0 = Blocks32<false, false>;
using BlocksQ4_1 = Blocks32<true, false>;
using BlocksQ5_0 = Blocks32<false, true>;
using BlocksQ5_1 = Blocks32<true, true>;

struct BlocksQ8_0 : Scales<32, false> {
  static constexpr size_t kBlockBytes = 34;
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit BlocksQ8_0(const std::byte* p) : blocks(p) { store_halves<kBlockBytes>(p, scales); }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      w[i] = as_signed(load16(blocks + (2 * j + i / 2) * kBlockBytes + 2 + 16 * (i % 2)));
    }
  }

  const std::byte* blocks;
};

// 16 bytes of nibbles to the levels of a table.
[[gnu::always_inline]] inline void split_levels(uint8x16_t v, const int8_t* levels, int8x16_t w[2]) {
  const int8x16_t table = vld1q_s8(levels);
  w[0] = vqtbl1q_s8(table, low_halves(v));
  w[1] = vqtbl1q_s8(table, high_halves(v));
}

struct BlocksIQ4_NL : Scales<32, false> {
  static constexpr size_t kBlockBytes = 18;
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit BlocksIQ4_NL(const std::byte* p) : blocks(p) { store_halves<kBlockBytes>(p, scales); }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t b = 0; b < 2; ++b) {
      split_levels(load16(blocks + (2 * j + b) * kBlockBytes + 2), quant::kIq4Values, w + 2 * b);
    }
  }

  const std::byte* blocks;
};

struct BlocksMXFP4 : Scales<32, false> {
  static constexpr size_t kBlockBytes = sizeof(quant::BlockMXFP4);
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit BlocksMXFP4(const std::byte* p) : blocks(p) {
    for (size_t i = 0; i < 8; ++i) {
      // 2^(e - 128), since the levels are doubled. The two smallest are subnormal.
      const auto e = static_cast<uint32_t>(p[i * kBlockBytes]);
      const uint32_t bits = e < 2 ? 0x00200000u << e : (e - 1) << 23;
      __builtin_memcpy(&scales[i], &bits, sizeof bits);
    }
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t b = 0; b < 2; ++b) {
      split_levels(load16(blocks + (2 * j + b) * kBlockBytes + 1), quant::kFp4Values, w + 2 * b);
    }
  }

  const std::byte* blocks;
};

// ---- super-blocks of 256 (quant/blocks.h has the layouts) ---------------------------------------------------------

template <class Block>
inline const Block& block_of(const std::byte* p) {
  return *reinterpret_cast<const Block*>(p);
}
inline uint8x8_t eight_bytes(uint32_t low, uint32_t high) {
  return vcreate_u8(low | static_cast<uint64_t>(high) << 32);
}

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits.
template <class Block, bool kFifth>
struct BlocksK45 : Scales<32, true> {
  static constexpr size_t kBytes = sizeof(Block);

  [[gnu::always_inline]] explicit BlocksK45(const std::byte* p) : block(block_of<Block>(p)) {
    const uint32_t a = load_u32(block.scales), b = load_u32(block.scales + 4), c = load_u32(block.scales + 8);
    const uint32_t upper_scales = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
    const uint32_t upper_mins = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
    store_scaled(eight_bytes(a & 0x3f3f3f3fu, upper_scales), half_value(block.d), scales);
    store_scaled(eight_bytes(b & 0x3f3f3f3fu, upper_mins), -half_value(block.dmin), offsets);
  }

  // Sub-blocks 2 j and 2 j + 1: the low and high halves of 32 bytes.
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 2; ++i) {
      const uint8x16_t v = load16(block.q + 32 * j + 16 * i);
      uint8x16_t low = low_halves(v), high = high_halves(v);
      if constexpr (kFifth) {
        const uint8x16_t fifth = load16(block.high + 16 * i);
        low = vorrq_u8(low, where_set(fifth, vdupq_n_u8(static_cast<uint8_t>(1u << (2 * j))), 16));
        high = vorrq_u8(high, where_set(fifth, vdupq_n_u8(static_cast<uint8_t>(2u << (2 * j))), 16));
      }
      w[i] = as_signed(low);
      w[2 + i] = as_signed(high);
    }
  }

  const Block& block;
};
using BlocksQ4_K = BlocksK45<quant::BlockQ4_K, false>;
using BlocksQ5_K = BlocksK45<quant::BlockQ5_K, true>;

struct BlocksQ6_K : Scales<16, false> {
  static constexpr size_t kBytes = 210;

  [[gnu::always_inline]] explicit BlocksQ6_K(const std::byte* p) : block(block_of<quant::BlockQ6_K>(p)) {
    const int8x16_t s = vld1q_s8(block.scales);
    const float d = half_value(block.d);
    store_scaled(vget_low_s8(s), d, scales);
    store_scaled(vget_high_s8(s), d, scales + 8);
  }

  // The low (even j) or high halves of 64 bytes; bits 2, 4 or 6 from 4 (j % 2) on of 32 others.
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const uint8x16_t v = load16(block.q + 64 * (j / 2) + 16 * i);
      const uint8x16_t top = two_bits(load16(block.high + 32 * (j / 2) + 16 * (i % 2)), 4 * (j % 2) + 2 * (i / 2));
      w[i] = minus(vorrq_u8(j % 2 == 0 ? low_halves(v) : high_halves(v), vshlq_n_u8(top, 4)), 32);
    }
  }

  const quant::BlockQ6_K& block;
};

struct BlocksQ2_K : Scales<16, true> {
  static constexpr size_t kBytes = 84;

  [[gnu::always_inline]] explicit BlocksQ2_K(const std::byte* p) : block(block_of<quant::BlockQ2_K>(p)) {
    const uint8x16_t v = load16(block.scales), low = low_halves(v), high = high_halves(v);
    const float d = half_value(block.d), dmin = -half_value(block.dmin);
    store_scaled(vget_low_u8(low), d, scales);
    store_scaled(vget_high_u8(low), d, scales + 8);
    store_scaled(vget_low_u8(high), dmin, offsets);
    store_scaled(vget_high_u8(high), dmin, offsets + 8);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      w[i] = as_signed(two_bits(load16(block.q + 32 * (j / 2) + 16 * (i % 2)), 4 * (j % 2) + 2 * (i / 2)));
    }
  }

  const quant::BlockQ2_K& block;
};

struct BlocksQ3_K : Scales<16, false> {
  static constexpr size_t kBytes = 110;

  [[gnu::always_inline]] explicit BlocksQ3_K(const std::byte* p) : block(block_of<quant::BlockQ3_K>(p)) {
    const uint32_t a = load_u32(block.scales), b = load_u32(block.scales + 4), c = load_u32(block.scales + 8);
    constexpr uint32_t kLow = 0x0f0f0f0fu, kTop = 0x30303030u;
    const uint8x8_t first = eight_bytes((a & kLow) | ((c << 4) & kTop), (b & kLow) | ((c << 2) & kTop));
    const uint8x8_t second = eight_bytes(((a >> 4) & kLow) | (c & kTop), ((b >> 4) & kLow) | ((c >> 2) & kTop));
    const int8x16_t centred = minus(vcombine_u8(first, second), 32);
    const float d = half_value(block.d);
    store_scaled(vget_low_s8(centred), d, scales);
    store_scaled(vget_high_s8(centred), d, scales + 8);
  }

  // Bit c of a byte of `high` belongs to elements 32 c ... 32 c + 31.
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const uint8x16_t low = two_bits(load16(block.q + 32 * (j / 2) + 16 * (i % 2)), 4 * (j % 2) + 2 * (i / 2));
      const uint8x16_t mask = vdupq_n_u8(static_cast<uint8_t>(1u << (2 * j + i / 2)));
      w[i] = minus(vorrq_u8(low, where_set(load16(block.high + 16 * (i % 2)), mask, 4)), 4);
    }
  }

  const quant::BlockQ3_K& block;
};

struct BlocksIQ4_XS : Scales<32, false> {
  static constexpr size_t kBytes = 136;

  [[gnu::always_inline]] explicit BlocksIQ4_XS(const std::byte* p) : block(block_of<quant::BlockIQ4_XS>(p)) {
    const float d = half_value(block.d);
    for (size_t s = 0; s < 8; ++s) {
      const int low = block.scales_low[s / 2] >> (4 * (s % 2)) & 15,
                high = block.scales_high[s / 4] >> (2 * (s % 4)) & 3;
      scales[s] = d * static_cast<float>((low | high << 4) - 32);
    }
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t b = 0; b < 2; ++b) split_levels(load16(block.q + 16 * (2 * j + b)), quant::kIq4Values, w + 2 * b);
  }

  const quant::BlockIQ4_XS& block;
};

}  // namespace
}  // namespace quipu::kernels
