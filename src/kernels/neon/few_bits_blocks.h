// TQ1_0, TQ2_0, Q1_0, Q2_0 and NVFP4 in the form of blocks.h.
#pragma once

#include "kernels/neon/blocks.h"

namespace quipu::kernels {
namespace {

struct BlocksTQ2_0 : Scales<32, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockTQ2_0);

  [[gnu::always_inline]] explicit BlocksTQ2_0(const std::byte* p) : block(block_of<quant::BlockTQ2_0>(p)) {
    for (float& scale : scales) scale = half_value(block.d);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      w[i] = minus(two_bits(load16(block.q + 32 * (j / 2) + 16 * (i % 2)), 4 * (j % 2) + 2 * (i / 2)), 1);
    }
  }

  const quant::BlockTQ2_0& block;
};

struct BlocksTQ1_0 : Scales<32, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockTQ1_0);

  [[gnu::always_inline]] explicit BlocksTQ1_0(const std::byte* p) : block(block_of<quant::BlockTQ1_0>(p)) {
    for (float& scale : scales) scale = half_value(block.d);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    static constexpr uint8_t kPowers[5] = {1, 3, 9, 27, 81};
    for (size_t i = 0; i < 4; ++i) {
      const size_t sixteen = 4 * j + i;
      if (sixteen < 10) {
        w[i] = digits(load16(block.q + 16 * (sixteen % 2)), vdupq_n_u8(kPowers[sixteen / 2]));
      } else if (sixteen < 15) {
        w[i] = digits(load16(block.q + 32), vdupq_n_u8(kPowers[sixteen - 10]));
      } else {
        const uint8x16_t high = vreinterpretq_u8_u32(vdupq_n_u32(load_u32(block.high)));
        w[i] = digits(high, vcombine_u8(vcreate_u8(0x0303030301010101ull), vcreate_u8(0x1b1b1b1b09090909ull)));
      }
    }
  }

  const quant::BlockTQ1_0& block;

 private:
  // The first digit of b * power mod 256, less 1: 3 b / 256 is 1 or more from 86 on, and 2 from 171 on.
  static int8x16_t digits(uint8x16_t b, uint8x16_t power) {
    const uint8x16_t v = vmulq_u8(b, power);
    const uint8x16_t ones = vaddq_u8(vcgeq_u8(v, vdupq_n_u8(86)), vcgeq_u8(v, vdupq_n_u8(171)));  // -1 each
    return vsubq_s8(vdupq_n_s8(-1), as_signed(ones));
  }
};

struct BlocksQ1_0 : Scales<32, false> {
  static constexpr size_t kBytes = 2 * sizeof(quant::BlockQ1_0);

  [[gnu::always_inline]] explicit BlocksQ1_0(const std::byte* p) : blocks(&block_of<quant::BlockQ1_0>(p)) {
    for (size_t i = 0; i < 8; ++i) scales[i] = half_value(blocks[i / 4].d);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    const uint8x16_t mask = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201ull));
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t* bits = blocks[j / 2].q + 8 * (j % 2) + 2 * i;
      w[i] = minus(where_set(vcombine_u8(vld1_dup_u8(bits), vld1_dup_u8(bits + 1)), mask, 2), 1);
    }
  }

  const quant::BlockQ1_0* blocks;
};

struct BlocksQ2_0 : Scales<32, false> {
  static constexpr size_t kBytes = 4 * sizeof(quant::BlockQ2_0);

  [[gnu::always_inline]] explicit BlocksQ2_0(const std::byte* p) : blocks(&block_of<quant::BlockQ2_0>(p)) {
    for (size_t i = 0; i < 8; ++i) scales[i] = half_value(blocks[i / 2].d);
  }
  // Each byte four times, its bits moved to where they are wanted.
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    const uint8x16_t v = load16(blocks[j].q);
    const uint8x16_t four_times = vcombine_u8(vcreate_u8(0x0101010100000000ull), vcreate_u8(0x0303030302020202ull));
    const int8x16_t shifts = vreinterpretq_s8_u32(vdupq_n_u32(0xfafcfe00u));  // 0, -2, -4, -6
    for (size_t i = 0; i < 4; ++i) {
      const uint8x16_t bytes = vqtbl1q_u8(v, vaddq_u8(four_times, vdupq_n_u8(static_cast<uint8_t>(4 * i))));
      w[i] = minus(vandq_u8(vshlq_u8(bytes, shifts), vdupq_n_u8(3)), 1);
    }
  }

  const quant::BlockQ2_0* blocks;
};

struct BlocksNVFP4 : Scales<16, false> {
  static constexpr size_t kBytes = 4 * sizeof(quant::BlockNVFP4);

  [[gnu::always_inline]] explicit BlocksNVFP4(const std::byte* p) : blocks(&block_of<quant::BlockNVFP4>(p)) {
    for (size_t i = 0; i < 16; ++i) scales[i] = quant::nvfp4_scale(blocks[i / 4].scales[i % 4]);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 2; ++i) {
      int8x16_t levels[2];  // the first halves of two sub-blocks, the second halves
      split_levels(load16(blocks[j].q + 16 * i), quant::kFp4Values, levels);
      w[2 * i] = vcombine_s8(vget_low_s8(levels[0]), vget_low_s8(levels[1]));
      w[2 * i + 1] = vcombine_s8(vget_high_s8(levels[0]), vget_high_s8(levels[1]));
    }
  }

  const quant::BlockNVFP4* blocks;
};

}  // namespace
}  // namespace quipu::kernels
