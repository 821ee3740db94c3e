// The blocks of the types whose numbers are points of a grid (generated/grids.h): IQ1, IQ2 and IQ3. All have 256
// elements, in groups of 8 (IQ3: two points of 4 each). Layouts: docs/formats/quantization.md.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"

namespace quipu::quant {

// Little-endian numbers within blocks, which are not aligned.
struct Word16 {
  uint8_t bytes[2];

  [[nodiscard]] uint32_t value() const { return bytes[0] | (static_cast<uint32_t>(bytes[1]) << 8); }
  static Word16 of(uint32_t value) { return {{static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8)}}; }
};
struct Word32 {
  Word16 low, high;

  [[nodiscard]] uint32_t value() const { return low.value() | (high.value() << 16); }
  static Word32 of(uint32_t value) { return {Word16::of(value & 0xffff), Word16::of(value >> 16)}; }
};

// Signs of a group of 8, a bit each, from seven of them: the number of minus signs is even.
constexpr uint32_t signs_of_seven(uint32_t seven) {
  return seven | (static_cast<uint32_t>(std::popcount(seven) & 1) << 7);
}

// x = d (2 s + 1) / 8 * sign * grid. 8 sub-blocks of 32: four grid indices, then s in the top four bits of a word and
// four times seven signs below.
struct BlockIQ2_XXS {
  Half d;
  struct {
    uint8_t index[4];
    Word32 signs_scale;
  } sub[8];
};

// As above; sub-blocks of 16. A group's word: 9 bits of index, 7 of signs. Scale s of sub-block j: a half of scales[j /
// 2].
struct BlockIQ2_XS {
  Half d;
  Word16 q[32];
  uint8_t scales[8];
};

// As above with 10 bits of index (two of them in `high`) and all 8 signs.
struct BlockIQ2_S {
  Half d;
  uint8_t index[32];
  uint8_t signs[32];
  uint8_t high[8];
  uint8_t scales[8];
};

// x = d (2 s + 1) / 4 * sign * grid. 64 points of 4; word j: s in the top four bits and four times seven signs of
// sub-block j of 32.
struct BlockIQ3_XXS {
  Half d;
  uint8_t index[64];
  Word32 signs_scale[8];
};

// x = d (2 s + 1) * sign * grid. 64 points of 4 with a ninth bit of index in `high`; sub-blocks of 32.
struct BlockIQ3_S {
  Half d;
  uint8_t index[64];
  uint8_t high[8];
  uint8_t signs[32];
  uint8_t scales[4];
};

// x = d (2 s + 1) * (grid +- 1/8). Word j of `high`, for sub-block j of 32: four times three upper bits of an index, s
// in bits 12 to 14, and in bit 15 whether 1/8 is subtracted.
struct BlockIQ1_S {
  Half d;
  uint8_t index[32];
  Word16 high[8];
};

// As above with sub-blocks of 16, s of three bits in `scales`, and the sign of 1/8 for each group: bit 3 of the half of
// high[g / 2] whose lower bits are the upper ones of the index. The four words of `scales` have four scales each and in
// their top four bits a quarter of d, the lowest first.
struct BlockIQ1_M {
  uint8_t index[32];
  uint8_t high[16];
  Word16 scales[4];
};

static_assert(kIsLaidOut<BlockIQ2_XXS, 66>);
static_assert(kIsLaidOut<BlockIQ2_XS, 74>);
static_assert(kIsLaidOut<BlockIQ2_S, 82>);
static_assert(kIsLaidOut<BlockIQ3_XXS, 98>);
static_assert(kIsLaidOut<BlockIQ3_S, 110>);
static_assert(kIsLaidOut<BlockIQ1_S, 50>);
static_assert(kIsLaidOut<BlockIQ1_M, 56>);

inline Half scale_iq1_m(const BlockIQ1_M& block) {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < 4; ++i) bits |= (block.scales[i].value() >> 12) << (4 * i);
  return Half::of_bits(static_cast<uint16_t>(bits));
}

}  // namespace quipu::quant
