// The points that groups of 8 (or 4) numbers of the IQ types can take: a byte for each number, the first in the lowest
// bits. Tables by scripts/generate_grids.py.
#pragma once

#include <array>
#include <cstdint>

namespace quipu::quant {

// Magnitudes 8, 25 and 43.
extern const std::array<uint64_t, 256> kIq2XxsGrid;
extern const std::array<uint64_t, 512> kIq2XsGrid;
extern const std::array<uint64_t, 1024> kIq2SGrid;
// Magnitudes 4, 12, 20, 28, 36, 44, 52 and 62.
extern const std::array<uint32_t, 256> kIq3XxsGrid;
// Magnitudes 1, 3, ... 15.
extern const std::array<uint32_t, 512> kIq3SGrid;
// -1, 0 and 1 as signed bytes; of IQ1_S and IQ1_M.
extern const std::array<uint64_t, 2048> kIq1Grid;

}  // namespace quipu::quant
