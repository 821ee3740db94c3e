// The types whose numbers are points of a grid (IQ1, IQ2, IQ3) in the form of blocks.h. Points are loaded: 8 or 4 bytes
// each.
#pragma once

#include <array>

#include "kernels/neon/blocks.h"
#include "quant/blocks_grid.h"
#include "quant/generated/grids.h"

namespace quipu::kernels {
namespace {

template <typename Word>
inline Word load_word(const void* p) {
  Word v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// Two times eight bytes, negative where bit i of a byte of signs is set for byte i.
[[gnu::always_inline]] inline int8x16_t with_signs(uint64_t low, uint64_t high, uint32_t signs_low,
                                                   uint32_t signs_high) {
  const int8x16_t v = as_signed(vcombine_u8(vcreate_u8(low), vcreate_u8(high)));
  const uint8x16_t signs =
      vcombine_u8(vdup_n_u8(static_cast<uint8_t>(signs_low)), vdup_n_u8(static_cast<uint8_t>(signs_high)));
  const int8x16_t minus = as_signed(vtstq_u8(signs, vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201ull))));
  return vsubq_s8(veorq_s8(v, minus), minus);
}

// Signs of eight by seven of them, of which the number is even: a table, since counting bits takes longer.
inline constexpr auto kSignsOfSeven = [] {
  std::array<uint8_t, 128> signs{};
  for (uint32_t i = 0; i < 128; ++i) signs[i] = static_cast<uint8_t>(quant::signs_of_seven(i));
  return signs;
}();

inline uint32_t half_byte(const uint8_t* bytes, size_t i) {
  return bytes[i / 2] >> (4 * (i % 2)) & 15u;
}
// factor * (2 v + 1), v of integer(i).
template <size_t n, typename Integer>
[[gnu::always_inline]] inline void store_odd_scales(Integer integer, float factor, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = factor * static_cast<float>(2 * integer(i) + 1);
}

struct BlocksIQ2_XXS : Scales<32, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_XXS);

  [[gnu::always_inline]] explicit BlocksIQ2_XXS(const std::byte* p) : block(block_of<quant::BlockIQ2_XXS>(p)) {
    store_odd_scales<8>([this](size_t s) { return word(s) >> 28; }, half_value(block.d) / 8, scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const size_t s = 2 * j + i / 2, g = 2 * (i % 2);
      const uint8_t* index = block.sub[s].index + g;
      const uint32_t signs = word(s) >> (7 * g);
      w[i] = with_signs(quant::kIq2XxsGrid[index[0]], quant::kIq2XxsGrid[index[1]], kSignsOfSeven[signs & 127],
                        kSignsOfSeven[signs >> 7 & 127]);
    }
  }

  const quant::BlockIQ2_XXS& block;

 private:
  [[nodiscard]] uint32_t word(size_t s) const { return load_u32(&block.sub[s].signs_scale); }
};

struct BlocksIQ2_XS : Scales<16, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_XS);

  [[gnu::always_inline]] explicit BlocksIQ2_XS(const std::byte* p) : block(block_of<quant::BlockIQ2_XS>(p)) {
    store_odd_scales<16>([this](size_t s) { return half_byte(block.scales, s); }, half_value(block.d) / 8, scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const uint32_t two = load_u32(block.q + 8 * j + 2 * i);
      w[i] = with_signs(quant::kIq2XsGrid[two & 511], quant::kIq2XsGrid[two >> 16 & 511], kSignsOfSeven[two >> 9 & 127],
                        kSignsOfSeven[two >> 25]);
    }
  }

  const quant::BlockIQ2_XS& block;
};

struct BlocksIQ2_S : Scales<16, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_S);

  [[gnu::always_inline]] explicit BlocksIQ2_S(const std::byte* p) : block(block_of<quant::BlockIQ2_S>(p)) {
    store_odd_scales<16>([this](size_t s) { return half_byte(block.scales, s); }, half_value(block.d) / 8, scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const size_t g = 8 * j + 2 * i;
      const uint32_t high = static_cast<uint32_t>(block.high[g / 4]) >> (2 * (g % 4));
      w[i] = with_signs(quant::kIq2SGrid[block.index[g] | (high << 8 & 0x300)],
                        quant::kIq2SGrid[block.index[g + 1] | (high << 6 & 0x300)], block.signs[g], block.signs[g + 1]);
    }
  }

  const quant::BlockIQ2_S& block;
};

struct BlocksIQ3_XXS : Scales<32, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ3_XXS);

  [[gnu::always_inline]] explicit BlocksIQ3_XXS(const std::byte* p) : block(block_of<quant::BlockIQ3_XXS>(p)) {
    store_odd_scales<8>([this](size_t s) { return word(s) >> 28; }, half_value(block.d) / 4, scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t* index = block.index + 16 * j + 4 * i;
      const uint32_t signs = word(2 * j + i / 2) >> (14 * (i % 2));
      w[i] = with_signs(eight(index[0], index[1]), eight(index[2], index[3]), kSignsOfSeven[signs & 127],
                        kSignsOfSeven[signs >> 7 & 127]);
    }
  }

  const quant::BlockIQ3_XXS& block;

 private:
  [[nodiscard]] uint32_t word(size_t s) const { return load_u32(&block.signs_scale[s]); }
  static uint64_t eight(size_t a, size_t b) {
    return quant::kIq3XxsGrid[a] | static_cast<uint64_t>(quant::kIq3XxsGrid[b]) << 32;
  }
};

struct BlocksIQ3_S : Scales<32, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ3_S);

  [[gnu::always_inline]] explicit BlocksIQ3_S(const std::byte* p) : block(block_of<quant::BlockIQ3_S>(p)) {
    store_odd_scales<8>([this](size_t s) { return half_byte(block.scales, s); }, half_value(block.d), scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const size_t at = 16 * j + 4 * i;
      const uint32_t high = static_cast<uint32_t>(block.high[at / 8]) >> (at % 8);
      const auto point = [&](size_t k) { return quant::kIq3SGrid[block.index[at + k] | (high >> k << 8 & 0x100)]; };
      w[i] = with_signs(point(0) | static_cast<uint64_t>(point(1)) << 32,
                        point(2) | static_cast<uint64_t>(point(3)) << 32, block.signs[at / 2], block.signs[at / 2 + 1]);
    }
  }

  const quant::BlockIQ3_S& block;
};

// Eight times the numbers of two points of IQ1, and one more or less: scales are for eighths.
[[gnu::always_inline]] inline int8x16_t eighths(size_t a, size_t b, bool less_a, bool less_b) {
  const int8x16_t v = as_signed(vcombine_u8(vcreate_u8(quant::kIq1Grid[a]), vcreate_u8(quant::kIq1Grid[b])));
  const int8x16_t shift = vcombine_s8(vdup_n_s8(less_a ? -1 : 1), vdup_n_s8(less_b ? -1 : 1));
  return vaddq_s8(vshlq_n_s8(v, 3), shift);
}

struct BlocksIQ1_S : Scales<32, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ1_S);

  [[gnu::always_inline]] explicit BlocksIQ1_S(const std::byte* p) : block(block_of<quant::BlockIQ1_S>(p)) {
    store_odd_scales<8>([this](size_t s) { return word(s) >> 12 & 7; }, half_value(block.d) / 8, scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t* index = block.index + 8 * j + 2 * i;
      const uint32_t high = word(2 * j + i / 2);
      const bool less = (high & 0x8000) != 0;
      const uint32_t upper = high >> (6 * (i % 2));
      w[i] = eighths(index[0] | (upper << 8 & 0x700), index[1] | (upper << 5 & 0x700), less, less);
    }
  }

  const quant::BlockIQ1_S& block;

 private:
  [[nodiscard]] uint32_t word(size_t s) const { return load_word<uint16_t>(&block.high[s]); }
};

struct BlocksIQ1_M : Scales<16, false> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ1_M);

  [[gnu::always_inline]] explicit BlocksIQ1_M(const std::byte* p) : block(block_of<quant::BlockIQ1_M>(p)) {
    const auto words = load_word<uint64_t>(block.scales);
    const auto three_bits = [words](size_t s) {
      return static_cast<uint32_t>(words >> (16 * (s / 4) + 3 * (s % 4)) & 7);
    };
    store_odd_scales<16>(three_bits, half_value(quant::scale_iq1_m(block)) / 8, scales);
  }
  [[gnu::always_inline]] void pair(size_t j, int8x16_t w[4]) const {
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t* index = block.index + 8 * j + 2 * i;
      const uint32_t high = block.high[4 * j + i];
      w[i] =
          eighths(index[0] | (high << 8 & 0x700), index[1] | (high << 4 & 0x700), (high & 8) != 0, (high & 128) != 0);
    }
  }

  const quant::BlockIQ1_M& block;
};

}  // namespace
}  // namespace quipu::kernels
