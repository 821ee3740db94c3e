// Fits of sixteen blocks at once, a block in each lane: everything but the loading is the same arithmetic in all lanes,
// so no sum goes over lanes and all instruction sets give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace quipu::quant {

// As many as candidates of a search: see search.h.
inline constexpr size_t kManyBlocks = 16;
inline constexpr size_t kManyNumbers = 32;
// One value of each block.
using OfBlocks = std::array<float, kManyBlocks>;

// Number i of block b is x[i][b], and its squared error counts by weights[i][b].
struct ManyBlocks {
  alignas(64) std::array<OfBlocks, kManyNumbers> x;
  alignas(64) std::array<OfBlocks, kManyNumbers> weights;
};

}  // namespace quipu::quant
