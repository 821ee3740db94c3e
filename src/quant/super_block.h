// Encoding of a super-block of 256 numbers: sub-blocks with small integer scales under one or two binary16 scales.
// Independent of how a type packs the integers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"
#include "quant/fit.h"

namespace quipu::quant {

// x is near d * scales[s] * q.
struct SymmetricShape {
  size_t group = 16;  // numbers in a sub-block
  Alphabet q;
  IntRange scale;
};
struct SymmetricSuperBlock {
  Half d{};
  std::array<int8_t, 16> scales{};
  std::array<int8_t, kSuperBlock> q{};  // of levels: the place in the alphabet
};
SymmetricSuperBlock fit_symmetric(const BlockInput<kSuperBlock>& input, const SymmetricShape& shape);

// x is near d * scales[s] * q - dmin * mins[s], all integers from 0.
struct AffineShape {
  size_t group = 32;
  int q_max = 15;
  int scale_max = 63;  // of scales and minima
};
struct AffineSuperBlock {
  Half d{}, dmin{};
  std::array<uint8_t, 16> scales{}, mins{};
  std::array<uint8_t, kSuperBlock> q{};
};
AffineSuperBlock fit_affine_super(const BlockInput<kSuperBlock>& input, const AffineShape& shape);

}  // namespace quipu::quant
