// Finds the point of a grid (generated/grids.h) that is nearest to given numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/lanes.h"

namespace quipu::quant {

// Points of kDims numbers, each of which is one of a few levels. The full lattice of all combinations of levels is
// small enough for a table: for combinations that are points of the grid, the point; for others, the points nearest to
// them, among which the weighted nearest is searched. Never changes once made.
template <size_t kDims>
class Codebook {
 public:
  using Vector = std::array<Float4, kDims / kLanes>;

  // `levels` ascend; points are given by the places of their levels. Takes some tens of milliseconds.
  Codebook(std::span<const int8_t> levels, const std::vector<std::array<uint8_t, kDims>>& points);

  [[nodiscard]] const Vector& point(size_t index) const { return points_[index]; }

  // The index of the point p for which sum w (x - p)^2 is smallest among the candidates.
  [[nodiscard]] size_t nearest(const Vector& x, const Vector& w) const;

 private:
  // Points that are tried for a combination that is none. More lower the error by less than a thousandth.
  static constexpr size_t kNeighbours = 16;

  [[nodiscard]] size_t combination_of(const Vector& x) const;

  std::vector<float> middles_;  // between one level and the next
  std::vector<Vector> points_;
  std::vector<int32_t> place_;  // by combination: a point, or -1 - the place of the first of its neighbours
  std::vector<uint16_t> neighbours_;
};

extern template class Codebook<8>;
extern template class Codebook<4>;

}  // namespace quipu::quant
