// Q8_0, Q4_0, Q4_1, Q5_0, Q5_1: blocks of 32 numbers under a scale, some with an offset.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "quant/blocks.h"
#include "quant/codecs.h"
#include "quant/fit.h"

namespace quipu::quant {
namespace {

template <typename Block, typename DecodeBlock>
void for_each_decoded(const std::byte* source, float* target, size_t n, DecodeBlock decode_block) {
  const auto* blocks = reinterpret_cast<const Block*>(source);
  for (size_t b = 0; b < n / kBlock; ++b) decode_block(blocks[b], target + b * kBlock);
}

using Input = BlockInput<kBlock>;

template <typename Block, typename EncodeBlock>
void for_each_encoded(const float* source, const float* importance, std::byte* target, size_t n,
                      EncodeBlock encode_block) {
  auto* blocks = reinterpret_cast<Block*>(target);
  for (size_t b = 0; b < n / kBlock; ++b) encode_block(Input(source, importance, b * kBlock), blocks[b]);
}

// Bit 4 of element i, moved into place.
int fifth_bit(const uint8_t* high, size_t i) {
  return ((high[i / 8] >> (i % 8)) & 1) << 4;
}

using Integers = std::array<int8_t, kBlock>;

// Integers 0..31 into the halves of 16 bytes and, if there is such a field, the fifth bits.
template <typename Block>
void pack(const Integers& q, Block& block) {
  for (size_t i = 0; i < kBlock / 2; ++i) block.q[i] = static_cast<uint8_t>((q[i] & 15) | ((q[i + 16] & 15) << 4));
  if constexpr (requires { block.high; }) {
    for (size_t byte = 0; byte < kBlock / 8; ++byte) {
      uint64_t eight = 0;
      std::memcpy(&eight, q.data() + 8 * byte, sizeof eight);
      // The product moves bit 0 of byte i to bit 56 + i; no other sum of places gets there.
      block.high[byte] = static_cast<uint8_t>((((eight >> 4) & 0x0101010101010101) * 0x0102040810204080) >> 56);
    }
  }
}

// x = d * (q - offset)
template <typename Block>
void encode_symmetric(const Input& input, int offset, Block& block) {
  block.d = finite_half(fit_scale(input.group(), {{-offset, offset - 1}, {}}));
  const auto zero = static_cast<float>(offset);
  Integers q;
  search_kernels().round(input.x.data(), kBlock, 0, finite_inverse(block.d.value()), {-zero, zero - 1}, q.data());
  for (int8_t& integer : q) integer = static_cast<int8_t>(integer + offset);
  pack(q, block);
}

// x = d * q + m
template <typename Block>
void encode_affine(const Input& input, int q_max, Block& block) {
  const Affine affine = fit_affine(input.group(), q_max, Minimum::any);
  block.d = finite_half(affine.scale);
  block.m = finite_half(-affine.minimum);
  Integers q;
  search_kernels().round(input.x.data(), kBlock, -block.m.value(), finite_inverse(block.d.value()),
                         {0, static_cast<float>(q_max)}, q.data());
  pack(q, block);
}

}  // namespace

void decode_q8_0(const std::byte* source, float* target, size_t n) {
  for_each_decoded<BlockQ8_0>(source, target, n, [](const BlockQ8_0& block, float* y) {
    const float d = block.d.value();
    for (size_t i = 0; i < kBlock; ++i) y[i] = d * static_cast<float>(block.q[i]);
  });
}

void encode_q8_0(const float* source, std::byte* target, size_t n, const float* /*importance*/) {
  for_each_encoded<BlockQ8_0>(source, nullptr, target, n, [](const Input& input, BlockQ8_0& block) {
    const auto [low, high] = search_kernels().extent(input.x.data(), kBlock);
    block.d = finite_half(std::max(-low, high) / 127);
    search_kernels().round(input.x.data(), kBlock, 0, finite_inverse(block.d.value()), {-127, 127}, block.q);
  });
}

void decode_q4_0(const std::byte* source, float* target, size_t n) {
  for_each_decoded<BlockQ4_0>(source, target, n, [](const BlockQ4_0& block, float* y) {
    const float d = block.d.value();
    for (size_t i = 0; i < kBlock / 2; ++i) {
      y[i] = d * static_cast<float>((block.q[i] & 15) - 8);
      y[i + 16] = d * static_cast<float>((block.q[i] >> 4) - 8);
    }
  });
}

void encode_q4_0(const float* source, std::byte* target, size_t n, const float* importance) {
  for_each_encoded<BlockQ4_0>(source, importance, target, n,
                              [](const Input& input, BlockQ4_0& block) { encode_symmetric(input, 8, block); });
}

void decode_q4_1(const std::byte* source, float* target, size_t n) {
  for_each_decoded<BlockQ4_1>(source, target, n, [](const BlockQ4_1& block, float* y) {
    const float d = block.d.value();
    const float m = block.m.value();
    for (size_t i = 0; i < kBlock / 2; ++i) {
      y[i] = d * static_cast<float>(block.q[i] & 15) + m;
      y[i + 16] = d * static_cast<float>(block.q[i] >> 4) + m;
    }
  });
}

void encode_q4_1(const float* source, std::byte* target, size_t n, const float* importance) {
  for_each_encoded<BlockQ4_1>(source, importance, target, n,
                              [](const Input& input, BlockQ4_1& block) { encode_affine(input, 15, block); });
}

void decode_q5_0(const std::byte* source, float* target, size_t n) {
  for_each_decoded<BlockQ5_0>(source, target, n, [](const BlockQ5_0& block, float* y) {
    const float d = block.d.value();
    for (size_t i = 0; i < kBlock / 2; ++i) {
      y[i] = d * static_cast<float>(((block.q[i] & 15) | fifth_bit(block.high, i)) - 16);
      y[i + 16] = d * static_cast<float>(((block.q[i] >> 4) | fifth_bit(block.high, i + 16)) - 16);
    }
  });
}

void encode_q5_0(const float* source, std::byte* target, size_t n, const float* importance) {
  for_each_encoded<BlockQ5_0>(source, importance, target, n,
                              [](const Input& input, BlockQ5_0& block) { encode_symmetric(input, 16, block); });
}

void decode_q5_1(const std::byte* source, float* target, size_t n) {
  for_each_decoded<BlockQ5_1>(source, target, n, [](const BlockQ5_1& block, float* y) {
    const float d = block.d.value();
    const float m = block.m.value();
    for (size_t i = 0; i < kBlock / 2; ++i) {
      y[i] = d * static_cast<float>((block.q[i] & 15) | fifth_bit(block.high, i)) + m;
      y[i + 16] = d * static_cast<float>((block.q[i] >> 4) | fifth_bit(block.high, i + 16)) + m;
    }
  });
}

void encode_q5_1(const float* source, std::byte* target, size_t n, const float* importance) {
  for_each_encoded<BlockQ5_1>(source, importance, target, n,
                              [](const Input& input, BlockQ5_1& block) { encode_affine(input, 31, block); });
}

}  // namespace quipu::quant
