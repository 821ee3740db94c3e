// TQ1_0, TQ2_0, Q1_0, Q2_0: one scale and one to two bits for each number.
#include <array>
#include <cmath>

#include "quant/blocks.h"
#include "quant/codecs.h"
#include "quant/fit.h"

namespace quipu::quant {
namespace {

// Where element i of a TQ1_0 block lies: which byte (of q, then high) and which of its ternary digits.
struct TernaryPlace {
  size_t byte, digit;
};
constexpr TernaryPlace ternary_place(size_t i) {
  if (i < 160) return {i % 32, i / 32};
  if (i < 240) return {32 + (i - 160) % 16, (i - 160) / 16};
  return {48 + (i - 240) % 4, (i - 240) / 4};
}

constexpr std::array<int, 5> kPowersOf3{1, 3, 9, 27, 81};

// Calls pack(q, block) for each block: q of the range, d the scale with which they come nearest to x.
template <typename Block, size_t kElements, typename Pack>
void encode_blocks(const float* source, const float* importance, std::byte* target, size_t n, IntRange range,
                   Pack pack) {
  auto* blocks = reinterpret_cast<Block*>(target);
  std::array<int, kElements> q{};
  for (size_t b = 0; b < n / kElements; ++b) {
    const BlockInput<kElements> input(source, importance, b * kElements);
    blocks[b] = Block{};
    blocks[b].d = finite_half(fit_scale(input.group(), {range, {}}));
    const float inverse = finite_inverse(blocks[b].d.value());
    for (size_t i = 0; i < kElements; ++i) q[i] = round_into(input.x[i] * inverse, range);
    pack(q, blocks[b]);
  }
}

}  // namespace

void decode_tq1_0(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockTQ1_0*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockTQ1_0& block = blocks[b];
    const float d = block.d.value();
    for (size_t i = 0; i < kSuperBlock; ++i) {
      const auto [byte, digit] = ternary_place(i);
      const int packed = byte < 48 ? block.q[byte] : block.high[byte - 48];
      const int q = ((packed * kPowersOf3[digit]) & 255) * 3 >> 8;
      target[b * kSuperBlock + i] = d * static_cast<float>(q - 1);
    }
  }
}

void encode_tq1_0(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockTQ1_0, kSuperBlock>(source, importance, target, n, {-1, 1}, [](const auto& q, BlockTQ1_0& block) {
    std::array<int, 52> packed{};
    for (size_t i = 0; i < kSuperBlock; ++i) {
      const auto [byte, digit] = ternary_place(i);
      packed[byte] += (q[i] + 1) * kPowersOf3[4 - digit];
    }
    // The five digits as a fraction of 3^5 in units of 1/256, rounded up.
    const auto byte_of = [&](size_t i) { return static_cast<uint8_t>((packed[i] * 256 + 242) / 243); };
    for (size_t i = 0; i < 48; ++i) block.q[i] = byte_of(i);
    for (size_t i = 48; i < packed.size(); ++i) block.high[i - 48] = byte_of(i);
  });
}

void decode_tq2_0(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockTQ2_0*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const float d = blocks[b].d.value();
    for (size_t i = 0; i < kSuperBlock; ++i) {
      const int q = (blocks[b].q[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4))) & 3;
      target[b * kSuperBlock + i] = d * static_cast<float>(q - 1);
    }
  }
}

void encode_tq2_0(const float* source, std::byte* target, size_t n, const float* importance) {
  encode_blocks<BlockTQ2_0, kSuperBlock>(source, importance, target, n, {-1, 1}, [](const auto& q, BlockTQ2_0& block) {
    for (size_t i = 0; i < kSuperBlock; ++i) {
      uint8_t& byte = block.q[32 * (i / 128) + i % 32];
      byte = static_cast<uint8_t>(byte | ((q[i] + 1) << (2 * (i / 32 % 4))));
    }
  });
}

void decode_q1_0(const std::byte* source, float* target, size_t n) {
  constexpr size_t kElements = 128;
  const auto* blocks = reinterpret_cast<const BlockQ1_0*>(source);
  for (size_t b = 0; b < n / kElements; ++b) {
    const float d = blocks[b].d.value();
    for (size_t i = 0; i < kElements; ++i) {
      target[b * kElements + i] = ((blocks[b].q[i / 8] >> (i % 8)) & 1) != 0 ? d : -d;
    }
  }
}

void encode_q1_0(const float* source, std::byte* target, size_t n, const float* importance) {
  constexpr size_t kElements = 128;
  auto* blocks = reinterpret_cast<BlockQ1_0*>(target);
  for (size_t b = 0; b < n / kElements; ++b) {
    const BlockInput<kElements> input(source, importance, b * kElements, Weighing::equal);
    blocks[b] = BlockQ1_0{};
    // The mean magnitude is the least-squares scale of the signs.
    double sum = 0, sum_w = 0;
    for (size_t i = 0; i < kElements; ++i) {
      sum += input.weights[i] * std::fabs(input.x[i]);
      sum_w += input.weights[i];
      if (input.x[i] >= 0) blocks[b].q[i / 8] = static_cast<uint8_t>(blocks[b].q[i / 8] | (1 << (i % 8)));
    }
    blocks[b].d = finite_half(static_cast<float>(sum / sum_w));
  }
}

void decode_q2_0(const std::byte* source, float* target, size_t n) {
  constexpr size_t kElements = 64;
  const auto* blocks = reinterpret_cast<const BlockQ2_0*>(source);
  for (size_t b = 0; b < n / kElements; ++b) {
    const float d = blocks[b].d.value();
    for (size_t i = 0; i < kElements; ++i) {
      const int q = (blocks[b].q[i / 4] >> (2 * (i % 4))) & 3;
      target[b * kElements + i] = d * static_cast<float>(q - 1);
    }
  }
}

void encode_q2_0(const float* source, std::byte* target, size_t n, const float* importance) {
  constexpr size_t kElements = 64;
  encode_blocks<BlockQ2_0, kElements>(source, importance, target, n, {-1, 2}, [](const auto& q, BlockQ2_0& block) {
    for (size_t i = 0; i < kElements; ++i) {
      block.q[i / 4] = static_cast<uint8_t>(block.q[i / 4] | ((q[i] + 1) << (2 * (i % 4))));
    }
  });
}

}  // namespace quipu::quant
