// MXFP4 and NVFP4: four-bit floats under an eight-bit scale.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/blocks.h"
#include "quant/codecs.h"
#include "quant/fit.h"

namespace quipu::quant {
namespace {

// The values of kFp4Values in ascending order (0 once), and the bits of each.
constexpr std::array<int8_t, 15> kLevels{-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};
constexpr std::array<uint8_t, 15> kBits{15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7};

// The code near `start`, from lowest to highest, whose scale fits the group best. Scales differ by an eighth or more
// from one code to the next, so the best one is not far.
template <typename ScaleOf>
uint8_t best_code(const Group& group, int start, int reach, int highest, ScaleOf scale_of) {
  uint8_t best = 0;
  float best_error = INFINITY;
  for (int code = std::max(start - reach, 0); code <= std::min(start + reach, highest); ++code) {
    const float error = error_of_fit(group, {{}, kLevels}, {scale_of(static_cast<uint8_t>(code)), 0});
    if (error >= best_error) continue;
    best_error = error;
    best = static_cast<uint8_t>(code);
  }
  return best;
}

float largest_magnitude(std::span<const float> x) {
  float largest = 0;
  for (const float v : x) largest = std::max(largest, std::fabs(v));
  return largest;
}

}  // namespace

void decode_mxfp4(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockMXFP4*>(source);
  for (size_t b = 0; b < n / kBlock; ++b) {
    const float d = mxfp4_scale(blocks[b].e);
    for (size_t i = 0; i < kBlock; ++i) {
      const int q = (blocks[b].q[i % 16] >> (i < 16 ? 0 : 4)) & 15;
      target[b * kBlock + i] = d * static_cast<float>(kFp4Values[q]);
    }
  }
}

void encode_mxfp4(const float* source, std::byte* target, size_t n, const float* importance) {
  auto* blocks = reinterpret_cast<BlockMXFP4*>(target);
  std::array<uint8_t, kBlock> q{};
  for (size_t b = 0; b < n / kBlock; ++b) {
    const BlockInput<kBlock> input(source, importance, b * kBlock);
    const auto& x = input.x;
    // 2^(e - 127) times the largest value, 6, is near the largest number (OCP Microscaling Formats 1.0, section 6.3).
    const float largest = largest_magnitude(x);
    const int exponent = largest > 0 ? std::ilogb(largest) - 2 + 127 : 0;
    blocks[b].e = best_code(input.group(), exponent, 1, 254, mxfp4_scale);
    nearest_levels(x, kLevels, mxfp4_scale(blocks[b].e), q.data());
    for (size_t i = 0; i < 16; ++i) blocks[b].q[i] = static_cast<uint8_t>(kBits[q[i]] | (kBits[q[i + 16]] << 4));
  }
}

void decode_nvfp4(const std::byte* source, float* target, size_t n) {
  constexpr size_t kElements = 64;
  const auto* blocks = reinterpret_cast<const BlockNVFP4*>(source);
  for (size_t b = 0; b < n / kElements; ++b) {
    for (size_t i = 0; i < kElements; ++i) {
      const size_t s = i / 16;
      const int q = (blocks[b].q[8 * s + i % 8] >> (i % 16 < 8 ? 0 : 4)) & 15;
      target[b * kElements + i] = nvfp4_scale(blocks[b].scales[s]) * static_cast<float>(kFp4Values[q]);
    }
  }
}

void encode_nvfp4(const float* source, std::byte* target, size_t n, const float* importance) {
  constexpr size_t kElements = 64;
  constexpr size_t kGroup = 16;
  constexpr int kLargestScale = 0x7e;
  auto* blocks = reinterpret_cast<BlockNVFP4*>(target);
  std::array<uint8_t, kGroup> q{};
  for (size_t g = 0; g < n / kGroup; ++g) {
    BlockNVFP4& block = blocks[g / (kElements / kGroup)];
    const size_t s = g % (kElements / kGroup);
    const BlockInput<kGroup> input(source, importance, g * kGroup);
    const auto& x = input.x;
    const float wanted = largest_magnitude(x) / static_cast<float>(kLevels.back());
    int start = 0;
    while (start < kLargestScale && nvfp4_scale(static_cast<uint8_t>(start)) < wanted) ++start;
    block.scales[s] = best_code(input.group(), start, 3, kLargestScale, nvfp4_scale);
    nearest_levels(x, kLevels, nvfp4_scale(block.scales[s]), q.data());
    for (size_t i = 0; i < 8; ++i) block.q[8 * s + i] = static_cast<uint8_t>(kBits[q[i]] | (kBits[q[i + 8]] << 4));
  }
}

}  // namespace quipu::quant
