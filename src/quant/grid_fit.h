// Encoding of a super-block whose groups of 8 are points of a grid, independent of how a type packs them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"
#include "quant/codebook.h"
#include "quant/fit.h"

namespace quipu::quant {

inline constexpr size_t kGridGroup = 8;
inline constexpr size_t kGridGroups = kSuperBlock / kGridGroup;

// How 8 numbers become a point. Of the types with signs the numbers' magnitudes do, of the others (IQ1) the numbers
// minus a shift of 1/8 up or down.
enum class GridSigns : uint8_t { all, even, shift };

struct GridShape {
  const Codebook<8>* book8 = nullptr;  // one of the two
  const Codebook<4>* book4 = nullptr;  // two points a group
  float top_level = 0;                 // the largest level of the points
  GridSigns signs = GridSigns::all;    // `even`: the number of minus signs is
  bool shift_by_group = false;         // a shift for each group; otherwise for each sub-block
  size_t groups_per_sub = 4;           // groups under one scale
  int scale_max = 15;                  // scales s are from 0 to this: x = d (2 s + 1) * unit * point
  float unit = 1;
};

struct GridSuperBlock {
  Half d{};
  std::array<uint8_t, 16> scales{};                          // s, by sub-block
  std::array<std::array<uint16_t, 2>, kGridGroups> index{};  // of the points; the second with book4 alone
  std::array<uint8_t, kGridGroups> signs{};                  // a bit for each minus
  std::array<bool, kGridGroups> shift_down{};
};

GridSuperBlock fit_grid(const BlockInput<kSuperBlock>& input, const GridShape& shape);

}  // namespace quipu::quant
