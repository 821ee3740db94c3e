// Encoders of the grid types: IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/blocks_grid.h"
#include "quant/codebook.h"
#include "quant/codecs.h"
#include "quant/fit.h"
#include "quant/generated/grids.h"
#include "quant/grid_fit.h"

namespace quipu::quant {
namespace {

constexpr std::array<int8_t, 3> kIq2Levels{8, 25, 43};
constexpr std::array<int8_t, 8> kIq3XxsLevels{4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::array<int8_t, 8> kIq3SLevels{1, 3, 5, 7, 9, 11, 13, 15};
constexpr std::array<int8_t, 3> kIq1Levels{-1, 0, 1};

template <size_t kDims, typename Words>
Codebook<kDims> codebook_of(const Words& words, std::span<const int8_t> levels) {
  std::vector<std::array<uint8_t, kDims>> points;
  for (const auto word : words) {
    std::array<uint8_t, kDims>& places = points.emplace_back();
    for (size_t i = 0; i < kDims; ++i) {
      const auto value = static_cast<int8_t>((word >> (8 * i)) & 255);
      while (levels[places[i]] != value) ++places[i];
    }
  }
  return Codebook<kDims>(levels, points);
}

// Made when first asked for, by any thread.
const Codebook<8>& iq2_xxs_book() {
  static const Codebook<8> book = codebook_of<8>(kIq2XxsGrid, kIq2Levels);
  return book;
}
const Codebook<8>& iq2_xs_book() {
  static const Codebook<8> book = codebook_of<8>(kIq2XsGrid, kIq2Levels);
  return book;
}
const Codebook<8>& iq2_s_book() {
  static const Codebook<8> book = codebook_of<8>(kIq2SGrid, kIq2Levels);
  return book;
}
const Codebook<4>& iq3_xxs_book() {
  static const Codebook<4> book = codebook_of<4>(kIq3XxsGrid, kIq3XxsLevels);
  return book;
}
const Codebook<4>& iq3_s_book() {
  static const Codebook<4> book = codebook_of<4>(kIq3SGrid, kIq3SLevels);
  return book;
}
const Codebook<8>& iq1_book() {
  static const Codebook<8> book = codebook_of<8>(kIq1Grid, kIq1Levels);
  return book;
}

template <typename Block, typename Pack>
void encode_blocks(const float* source, const float* importance, std::byte* target, size_t n, const GridShape& shape,
                   Pack pack) {
  auto* blocks = reinterpret_cast<Block*>(target);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    blocks[b] = Block{};
    pack(fit_grid({source, importance, b * kSuperBlock, Weighing::equal}, shape), blocks[b]);
  }
}

// Adds bits to a byte.
void put_bits(uint8_t& byte, uint32_t bits, size_t shift) {
  byte = static_cast<uint8_t>(byte | (bits << shift));
}

// The word of IQ2_XXS and IQ3_XXS: s and four times seven signs.
Word32 signs_scale(const GridSuperBlock& from, size_t sub) {
  uint32_t word = static_cast<uint32_t>(from.scales[sub]) << 28;
  for (size_t g = 0; g < 4; ++g) word |= (from.signs[4 * sub + g] & 127u) << (7 * g);
  return Word32::of(word);
}

}  // namespace

void encode_iq2_xxs(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{
      .book8 = &iq2_xxs_book(), .top_level = 43, .signs = GridSigns::even, .groups_per_sub = 4, .unit = 0.125f};
  encode_blocks<BlockIQ2_XXS>(source, importance, target, n, shape,
                              [](const GridSuperBlock& from, BlockIQ2_XXS& block) {
                                block.d = from.d;
                                for (size_t g = 0; g < kGridGroups; ++g)
                                  block.sub[g / 4].index[g % 4] = static_cast<uint8_t>(from.index[g][0]);
                                for (size_t s = 0; s < 8; ++s) block.sub[s].signs_scale = signs_scale(from, s);
                              });
}

void encode_iq2_xs(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{
      .book8 = &iq2_xs_book(), .top_level = 43, .signs = GridSigns::even, .groups_per_sub = 2, .unit = 0.125f};
  encode_blocks<BlockIQ2_XS>(source, importance, target, n, shape, [](const GridSuperBlock& from, BlockIQ2_XS& block) {
    block.d = from.d;
    for (size_t g = 0; g < kGridGroups; ++g) {
      block.q[g] = Word16::of(from.index[g][0] | ((from.signs[g] & 127u) << 9));
    }
    for (size_t s = 0; s < 16; ++s) put_bits(block.scales[s / 2], from.scales[s], 4 * (s % 2));
  });
}

void encode_iq2_s(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{.book8 = &iq2_s_book(), .top_level = 43, .groups_per_sub = 2, .unit = 0.125f};
  encode_blocks<BlockIQ2_S>(source, importance, target, n, shape, [](const GridSuperBlock& from, BlockIQ2_S& block) {
    block.d = from.d;
    for (size_t g = 0; g < kGridGroups; ++g) {
      block.index[g] = static_cast<uint8_t>(from.index[g][0]);
      put_bits(block.high[g / 4], from.index[g][0] >> 8, 2 * (g % 4));
      block.signs[g] = from.signs[g];
    }
    for (size_t s = 0; s < 16; ++s) put_bits(block.scales[s / 2], from.scales[s], 4 * (s % 2));
  });
}

void encode_iq3_xxs(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{
      .book4 = &iq3_xxs_book(), .top_level = 62, .signs = GridSigns::even, .groups_per_sub = 4, .unit = 0.25f};
  encode_blocks<BlockIQ3_XXS>(source, importance, target, n, shape,
                              [](const GridSuperBlock& from, BlockIQ3_XXS& block) {
                                block.d = from.d;
                                for (size_t p = 0; p < 64; ++p)
                                  block.index[p] = static_cast<uint8_t>(from.index[p / 2][p % 2]);
                                for (size_t s = 0; s < 8; ++s) block.signs_scale[s] = signs_scale(from, s);
                              });
}

void encode_iq3_s(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{.book4 = &iq3_s_book(), .top_level = 15, .groups_per_sub = 4};
  encode_blocks<BlockIQ3_S>(source, importance, target, n, shape, [](const GridSuperBlock& from, BlockIQ3_S& block) {
    block.d = from.d;
    for (size_t p = 0; p < 64; ++p) {
      block.index[p] = static_cast<uint8_t>(from.index[p / 2][p % 2]);
      put_bits(block.high[p / 8], from.index[p / 2][p % 2] >> 8, p % 8);
    }
    for (size_t g = 0; g < kGridGroups; ++g) block.signs[g] = from.signs[g];
    for (size_t s = 0; s < 8; ++s) put_bits(block.scales[s / 2], from.scales[s], 4 * (s % 2));
  });
}

void encode_iq1_s(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{
      .book8 = &iq1_book(), .top_level = 1, .signs = GridSigns::shift, .groups_per_sub = 4, .scale_max = 7};
  encode_blocks<BlockIQ1_S>(source, importance, target, n, shape, [](const GridSuperBlock& from, BlockIQ1_S& block) {
    block.d = from.d;
    for (size_t s = 0; s < 8; ++s) {
      uint32_t word = static_cast<uint32_t>(from.scales[s]) << 12;
      if (from.shift_down[4 * s]) word |= 0x8000;
      for (size_t g = 0; g < 4; ++g) {
        const uint32_t index = from.index[4 * s + g][0];
        block.index[4 * s + g] = static_cast<uint8_t>(index);
        word |= (index >> 8) << (3 * g);
      }
      block.high[s] = Word16::of(word);
    }
  });
}

void encode_iq1_m(const float* source, std::byte* target, size_t n, const float* importance) {
  const GridShape shape{.book8 = &iq1_book(),
                        .top_level = 1,
                        .signs = GridSigns::shift,
                        .shift_by_group = true,
                        .groups_per_sub = 2,
                        .scale_max = 7};
  encode_blocks<BlockIQ1_M>(source, importance, target, n, shape, [](const GridSuperBlock& from, BlockIQ1_M& block) {
    for (size_t g = 0; g < kGridGroups; ++g) {
      const uint32_t index = from.index[g][0];
      block.index[g] = static_cast<uint8_t>(index);
      put_bits(block.high[g / 2], (index >> 8) | (from.shift_down[g] ? 8u : 0u), 4 * (g % 2));
    }
    for (size_t i = 0; i < 4; ++i) {
      uint32_t word = ((static_cast<uint32_t>(from.d.bits()) >> (4 * i)) & 15) << 12;
      for (size_t s = 0; s < 4; ++s) word |= static_cast<uint32_t>(from.scales[4 * i + s]) << (3 * s);
      block.scales[i] = Word16::of(word);
    }
  });
}

}  // namespace quipu::quant
