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

static_assert(kBlock == kManyNumbers);

// Calls encode(number of the first block, how many, the blocks side by side) for each sixteen.
template <typename Encode>
void for_many_blocks(const float* source, const float* importance, size_t n, Encode encode) {
  ManyBlocks blocks;
  std::array<float, kManyBlocks * kBlock> weights;
  for (size_t first = 0; first < n / kBlock; first += kManyBlocks) {
    const size_t n_blocks = std::min(kManyBlocks, n / kBlock - first);
    for (size_t b = 0; importance != nullptr && b < n_blocks; ++b) {
      const size_t at = (first + b) * kBlock;
      error_weights(importance + at, source + at, kBlock, Weighing::by_size, &weights[b * kBlock]);
    }
    const float* given = importance == nullptr ? nullptr : weights.data();
    search_kernels().load_blocks(source + first * kBlock, given, n_blocks, blocks);
    encode(first, n_blocks, blocks);
  }
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

// q of a block's numbers, made finite as where they were fitted.
Integers integers_of(const float* source, float shift, float scale, RealRange range) {
  std::array<float, kBlock> x;
  Integers q;
  search_kernels().copy(source, kBlock, x.data());
  search_kernels().round(x.data(), kBlock, shift, finite_inverse(scale), range, q.data());
  return q;
}

// Up to an integer within or beyond the range. The refinement finds what lies between: twice as many steps lower the
// error by a fifth of a percent.
constexpr std::array<float, 4> kSteps{-0.9f, -0.3f, 0.3f, 0.9f};
// Where a minimum is free as well, finer steps pay; twice as many lower the error by a fifth of a percent.
constexpr std::array<float, 8> kAffineSteps{-1.5f, -1.1f, -0.75f, -0.4f, 0, 0.3f, 0.6f, 1};

// x = d * (q - offset)
template <typename Block>
void encode_symmetric(const float* source, std::byte* target, size_t n, const float* importance, int offset) {
  const auto zero = static_cast<float>(offset);
  const RealRange range{-zero, zero - 1};
  for_many_blocks(source, importance, n, [&](size_t first, size_t n_blocks, const ManyBlocks& many) {
    OfBlocks scales;
    search_kernels().fit_scales(many, range, kSteps, scales);
    for (size_t b = 0; b < n_blocks; ++b) {
      auto& block = reinterpret_cast<Block*>(target)[first + b];
      block.d = finite_half(scales[b]);
      Integers q = integers_of(source + (first + b) * kBlock, 0, block.d.value(), range);
      for (int8_t& integer : q) integer = static_cast<int8_t>(integer + offset);
      pack(q, block);
    }
  });
}

// x = d * q + m
template <typename Block>
void encode_affine(const float* source, std::byte* target, size_t n, const float* importance, int q_max) {
  const auto top = static_cast<float>(q_max);
  for_many_blocks(source, importance, n, [&](size_t first, size_t n_blocks, const ManyBlocks& many) {
    OfBlocks scales, minimums;
    search_kernels().fit_affines(many, top, kAffineSteps, scales, minimums);
    for (size_t b = 0; b < n_blocks; ++b) {
      auto& block = reinterpret_cast<Block*>(target)[first + b];
      block.d = finite_half(scales[b]);
      block.m = finite_half(-minimums[b]);
      pack(integers_of(source + (first + b) * kBlock, -block.m.value(), block.d.value(), {0, top}), block);
    }
  });
}

}  // namespace

void decode_q8_0(const std::byte* source, float* target, size_t n) {
  for_each_decoded<BlockQ8_0>(source, target, n, [](const BlockQ8_0& block, float* y) {
    const float d = block.d.value();
    for (size_t i = 0; i < kBlock; ++i) y[i] = d * static_cast<float>(block.q[i]);
  });
}

void encode_q8_0(const float* source, std::byte* target, size_t n, const float* /*importance*/) {
  const SearchKernels& kernels = search_kernels();
  for (size_t b = 0; b < n / kBlock; ++b) {
    auto& block = reinterpret_cast<BlockQ8_0*>(target)[b];
    std::array<float, kBlock> x;
    kernels.copy(source + b * kBlock, kBlock, x.data());
    const auto [low, high] = kernels.extent(x.data(), kBlock);
    block.d = finite_half(std::max(-low, high) / 127);
    kernels.round(x.data(), kBlock, 0, finite_inverse(block.d.value()), {-127, 127}, block.q);
  }
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
  encode_symmetric<BlockQ4_0>(source, target, n, importance, 8);
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
  encode_affine<BlockQ4_1>(source, target, n, importance, 15);
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
  encode_symmetric<BlockQ5_0>(source, target, n, importance, 16);
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
  encode_affine<BlockQ5_1>(source, target, n, importance, 31);
}

}  // namespace quipu::quant
