// Q3_K and Q6_K: super-blocks whose sub-blocks have a scale of either sign; and Q8_K, which has one scale.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "quant/blocks.h"
#include "quant/codecs.h"
#include "quant/super_block.h"

namespace quipu::quant {
namespace {

template <typename Block>
void encode_blocks(const float* source, const float* importance, std::byte* target, size_t n,
                   const SymmetricShape& shape, void (*pack)(const SymmetricSuperBlock&, Block&)) {
  auto* blocks = reinterpret_cast<Block*>(target);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    blocks[b] = Block{};
    pack(fit_symmetric({source, importance, b * kSuperBlock}, shape), blocks[b]);
  }
}

void pack_q3_k(const SymmetricSuperBlock& from, BlockQ3_K& block) {
  block.d = from.d;
  for (size_t s = 0; s < 16; ++s) {
    const int scale = from.scales[s] + 32;
    block.scales[s % 8] = static_cast<uint8_t>(block.scales[s % 8] | ((scale & 15) << (s < 8 ? 0 : 4)));
    block.scales[8 + s % 4] = static_cast<uint8_t>(block.scales[8 + s % 4] | ((scale >> 4) << (2 * (s / 4))));
  }
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const int q = from.q[i] + 4;
    const size_t byte = 32 * (i / 128) + i % 32;
    block.q[byte] = static_cast<uint8_t>(block.q[byte] | ((q & 3) << (2 * (i / 32 % 4))));
    block.high[i % 32] = static_cast<uint8_t>(block.high[i % 32] | ((q >> 2) << (i / 32)));
  }
}

void pack_q6_k(const SymmetricSuperBlock& from, BlockQ6_K& block) {
  block.d = from.d;
  std::memcpy(block.scales, from.scales.data(), sizeof block.scales);
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const int q = from.q[i] + 32;
    const size_t j = i / 32 % 4;
    const size_t low = 64 * (i / 128) + 32 * (j % 2) + i % 32;
    const size_t high = 32 * (i / 128) + i % 32;
    block.q[low] = static_cast<uint8_t>(block.q[low] | ((q & 15) << (j < 2 ? 0 : 4)));
    block.high[high] = static_cast<uint8_t>(block.high[high] | ((q >> 4) << (2 * j)));
  }
}

}  // namespace

void decode_q3_k(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ3_K*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockQ3_K& block = blocks[b];
    for (size_t s = 0; s < 16; ++s) {
      const float scale = block.d.value() * static_cast<float>(scale_k3(block.scales, s));
      const size_t j = s / 2;  // which 32 of the 256
      const uint8_t* q = block.q + 32 * (j / 4) + 16 * (s % 2);
      const uint8_t* high = block.high + 16 * (s % 2);
      float* y = target + b * kSuperBlock + 16 * s;
      for (size_t i = 0; i < 16; ++i) {
        const int low_bits = (q[i] >> (2 * (j % 4))) & 3;
        const int high_bit = ((high[i] >> j) & 1) << 2;
        y[i] = scale * static_cast<float>((low_bits | high_bit) - 4);
      }
    }
  }
}

void encode_q3_k(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockQ3_K>(source, importance, target, n, {.group = 16, .q = {{-4, 3}, {}}, .scale = {-32, 31}},
                           pack_q3_k);
}

void decode_q6_k(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ6_K*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockQ6_K& block = blocks[b];
    for (size_t s = 0; s < 16; ++s) {
      const float scale = block.d.value() * static_cast<float>(block.scales[s]);
      const size_t j = s / 2 % 4;  // which 32 of the 128
      const uint8_t* q = block.q + 64 * (s / 8) + 32 * (j % 2) + 16 * (s % 2);
      const uint8_t* high = block.high + 32 * (s / 8) + 16 * (s % 2);
      float* y = target + b * kSuperBlock + 16 * s;
      for (size_t i = 0; i < 16; ++i) {
        const int low_bits = (q[i] >> (j < 2 ? 0 : 4)) & 15;
        const int high_bits = ((high[i] >> (2 * j)) & 3) << 4;
        y[i] = scale * static_cast<float>((low_bits | high_bits) - 32);
      }
    }
  }
}

void encode_q6_k(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockQ6_K>(source, importance, target, n, {.group = 16, .q = {{-32, 31}, {}}, .scale = {-128, 127}},
                           pack_q6_k);
}

void decode_q8_k(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ8_K*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    float d = 0;
    std::memcpy(&d, blocks[b].d, sizeof d);
    for (size_t i = 0; i < kSuperBlock; ++i) target[b * kSuperBlock + i] = d * static_cast<float>(blocks[b].q[i]);
  }
}

void encode_q8_k(const float* source, std::byte* target, size_t n, const float* /*importance*/) {
  auto* blocks = reinterpret_cast<BlockQ8_K*>(target);
  std::array<float, kSuperBlock> x{};
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    search_kernels().copy(source + b * kSuperBlock, kSuperBlock, x.data());
    float largest = 0;
    for (const float v : x) largest = std::max(largest, std::fabs(v));
    const float d = largest / 127;
    std::memcpy(blocks[b].d, &d, sizeof d);
    const float inverse = finite_inverse(d);
    for (size_t s = 0; s < 16; ++s) {
      int sum = 0;
      for (size_t i = 16 * s; i < 16 * s + 16; ++i) {
        blocks[b].q[i] = static_cast<int8_t>(round_into(x[i] * inverse, {-127, 127}));
        sum += blocks[b].q[i];
      }
      const auto sum_16 = static_cast<int16_t>(sum);
      std::memcpy(blocks[b].sums + 2 * s, &sum_16, sizeof sum_16);
    }
  }
}

}  // namespace quipu::quant
