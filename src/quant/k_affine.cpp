// Q2_K, Q4_K and Q5_K: super-blocks whose sub-blocks have a scale and a minimum.
#include <array>

#include "quant/blocks.h"
#include "quant/codecs.h"
#include "quant/super_block.h"

namespace quipu::quant {
namespace {

template <typename Block>
void encode_blocks(const float* source, const float* importance, std::byte* target, size_t n, const AffineShape& shape,
                   void (*pack)(const AffineSuperBlock&, Block&)) {
  auto* blocks = reinterpret_cast<Block*>(target);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    blocks[b] = Block{};
    pack(fit_affine_super({source, importance, b * kSuperBlock}, shape), blocks[b]);
  }
}

void pack_scale_min_k4(const AffineSuperBlock& from, uint8_t* scales) {
  for (size_t s = 0; s < 4; ++s) {
    const int scale = from.scales[s + 4];
    const int min = from.mins[s + 4];
    scales[s] = static_cast<uint8_t>(from.scales[s] | ((scale >> 4) << 6));
    scales[s + 4] = static_cast<uint8_t>(from.mins[s] | ((min >> 4) << 6));
    scales[s + 8] = static_cast<uint8_t>((scale & 15) | ((min & 15) << 4));
  }
}

template <typename Block>
void pack_q45_k(const AffineSuperBlock& from, Block& block) {
  block.d = from.d;
  block.dmin = from.dmin;
  pack_scale_min_k4(from, block.scales);
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const size_t byte = 32 * (i / 64) + i % 32;
    const size_t shift = i % 64 < 32 ? 0 : 4;
    block.q[byte] = static_cast<uint8_t>(block.q[byte] | ((from.q[i] & 15) << shift));
    if constexpr (requires { block.high; }) {
      block.high[i % 32] = static_cast<uint8_t>(block.high[i % 32] | ((from.q[i] >> 4) << (i / 32)));
    }
  }
}

void pack_q2_k(const AffineSuperBlock& from, BlockQ2_K& block) {
  block.d = from.d;
  block.dmin = from.dmin;
  for (size_t s = 0; s < 16; ++s) block.scales[s] = static_cast<uint8_t>(from.scales[s] | (from.mins[s] << 4));
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const size_t byte = 32 * (i / 128) + i % 32;
    block.q[byte] = static_cast<uint8_t>(block.q[byte] | (from.q[i] << (2 * (i / 32 % 4))));
  }
}

}  // namespace

void decode_q2_k(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ2_K*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockQ2_K& block = blocks[b];
    for (size_t s = 0; s < 16; ++s) {
      const float d = block.d.value() * static_cast<float>(block.scales[s] & 15);
      const float m = block.dmin.value() * static_cast<float>(block.scales[s] >> 4);
      const uint8_t* q = block.q + 32 * (s / 8) + 16 * (s % 2);
      float* y = target + b * kSuperBlock + 16 * s;
      for (size_t i = 0; i < 16; ++i) y[i] = d * static_cast<float>((q[i] >> (2 * (s / 2 % 4))) & 3) - m;
    }
  }
}

void encode_q2_k(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockQ2_K>(source, importance, target, n, {.group = 16, .q_max = 3, .scale_max = 15}, pack_q2_k);
}

void decode_q4_k(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ4_K*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockQ4_K& block = blocks[b];
    for (size_t s = 0; s < 8; ++s) {
      const auto [scale, min] = scale_min_k4(block.scales, s);
      const float d = block.d.value() * static_cast<float>(scale);
      const float m = block.dmin.value() * static_cast<float>(min);
      const uint8_t* q = block.q + 32 * (s / 2);
      float* y = target + b * kSuperBlock + 32 * s;
      for (size_t i = 0; i < 32; ++i) y[i] = d * static_cast<float>((q[i] >> (4 * (s % 2))) & 15) - m;
    }
  }
}

void encode_q4_k(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockQ4_K>(source, importance, target, n, {.group = 32, .q_max = 15, .scale_max = 63}, pack_q45_k);
}

void decode_q5_k(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockQ5_K*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockQ5_K& block = blocks[b];
    for (size_t s = 0; s < 8; ++s) {
      const auto [scale, min] = scale_min_k4(block.scales, s);
      const float d = block.d.value() * static_cast<float>(scale);
      const float m = block.dmin.value() * static_cast<float>(min);
      const uint8_t* q = block.q + 32 * (s / 2);
      float* y = target + b * kSuperBlock + 32 * s;
      for (size_t i = 0; i < 32; ++i) {
        const int low = (q[i] >> (4 * (s % 2))) & 15;
        const int high = ((block.high[i] >> s) & 1) << 4;
        y[i] = d * static_cast<float>(low | high) - m;
      }
    }
  }
}

void encode_q5_k(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockQ5_K>(source, importance, target, n, {.group = 32, .q_max = 31, .scale_max = 63}, pack_q45_k);
}

}  // namespace quipu::quant
