// Decoders of the grid types: IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S.
#include <cstddef>
#include <cstdint>

#include "quant/blocks_grid.h"
#include "quant/codecs.h"
#include "quant/generated/grids.h"

namespace quipu::quant {
namespace {

constexpr size_t kGroup = 8;
constexpr size_t kGroups = kSuperBlock / kGroup;

// y = scale * magnitude, negative where the sign's bit is set. The point has 8 bytes, or 4 with n = 4.
void put_signed(float scale, uint64_t point, uint32_t signs, float* y, size_t n = kGroup) {
  for (size_t i = 0; i < n; ++i) {
    const float magnitude = scale * static_cast<float>((point >> (8 * i)) & 255);
    y[i] = ((signs >> i) & 1) != 0 ? -magnitude : magnitude;
  }
}

// y = scale * (point + shift), the point's bytes being signed.
void put_shifted(float scale, uint64_t point, float shift, float* y) {
  for (size_t i = 0; i < kGroup; ++i) {
    y[i] = scale * (static_cast<float>(static_cast<int8_t>((point >> (8 * i)) & 255)) + shift);
  }
}

constexpr float kIq1Shift = 0.125f;

// Calls put(block, g, y) for each group of 8.
template <typename Block, typename Put>
void for_each_group(const std::byte* source, float* target, size_t n, Put put) {
  const auto* blocks = reinterpret_cast<const Block*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    for (size_t g = 0; g < kGroups; ++g) put(blocks[b], g, target + b * kSuperBlock + g * kGroup);
  }
}

float half_step(uint32_t scale) {
  return 0.5f + static_cast<float>(scale);
}

uint32_t nibble(const uint8_t* bytes, size_t i) {
  return (static_cast<uint32_t>(bytes[i / 2]) >> (4 * (i % 2))) & 15;
}

}  // namespace

void decode_iq2_xxs(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ2_XXS>(source, target, n, [](const BlockIQ2_XXS& block, size_t g, float* y) {
    const auto& sub = block.sub[g / 4];
    const uint32_t word = sub.signs_scale.value();
    const float scale = block.d.value() * half_step(word >> 28) * 0.25f;
    put_signed(scale, kIq2XxsGrid[sub.index[g % 4]], signs_of_seven((word >> (7 * (g % 4))) & 127), y);
  });
}

void decode_iq2_xs(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ2_XS>(source, target, n, [](const BlockIQ2_XS& block, size_t g, float* y) {
    const uint32_t word = block.q[g].value();
    const float scale = block.d.value() * half_step(nibble(block.scales, g / 2)) * 0.25f;
    put_signed(scale, kIq2XsGrid[word & 511], signs_of_seven(word >> 9), y);
  });
}

void decode_iq2_s(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ2_S>(source, target, n, [](const BlockIQ2_S& block, size_t g, float* y) {
    const uint32_t high = (static_cast<uint32_t>(block.high[g / 4]) >> (2 * (g % 4))) & 3;
    const float scale = block.d.value() * half_step(nibble(block.scales, g / 2)) * 0.25f;
    put_signed(scale, kIq2SGrid[block.index[g] | (high << 8)], block.signs[g], y);
  });
}

void decode_iq3_xxs(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ3_XXS>(source, target, n, [](const BlockIQ3_XXS& block, size_t g, float* y) {
    const uint32_t word = block.signs_scale[g / 4].value();
    const float scale = block.d.value() * half_step(word >> 28) * 0.5f;
    const uint32_t signs = signs_of_seven((word >> (7 * (g % 4))) & 127);
    put_signed(scale, kIq3XxsGrid[block.index[2 * g]], signs, y, 4);
    put_signed(scale, kIq3XxsGrid[block.index[2 * g + 1]], signs >> 4, y + 4, 4);
  });
}

void decode_iq3_s(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ3_S>(source, target, n, [](const BlockIQ3_S& block, size_t g, float* y) {
    const float scale = block.d.value() * static_cast<float>(1 + 2 * nibble(block.scales, g / 4));
    for (size_t half = 0; half < 2; ++half) {
      const size_t p = 2 * g + half;
      const uint32_t high = (static_cast<uint32_t>(block.high[p / 8]) >> (p % 8)) & 1;
      put_signed(scale, kIq3SGrid[block.index[p] | (high << 8)], static_cast<uint32_t>(block.signs[g]) >> (4 * half),
                 y + 4 * half, 4);
    }
  });
}

void decode_iq1_s(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ1_S>(source, target, n, [](const BlockIQ1_S& block, size_t g, float* y) {
    const uint32_t word = block.high[g / 4].value();
    const float scale = block.d.value() * static_cast<float>(2 * ((word >> 12) & 7) + 1);
    const uint32_t high = (word >> (3 * (g % 4))) & 7;
    put_shifted(scale, kIq1Grid[block.index[g] | (high << 8)], (word & 0x8000) != 0 ? -kIq1Shift : kIq1Shift, y);
  });
}

void decode_iq1_m(const std::byte* source, float* target, size_t n) {
  for_each_group<BlockIQ1_M>(source, target, n, [](const BlockIQ1_M& block, size_t g, float* y) {
    const size_t s = g / 2;
    const uint32_t scale_bits = (block.scales[s / 4].value() >> (3 * (s % 4))) & 7;
    const float scale = scale_iq1_m(block).value() * static_cast<float>(2 * scale_bits + 1);
    const uint32_t high = nibble(block.high, g);
    put_shifted(scale, kIq1Grid[block.index[g] | ((high & 7) << 8)], (high & 8) != 0 ? -kIq1Shift : kIq1Shift, y);
  });
}

}  // namespace quipu::quant
