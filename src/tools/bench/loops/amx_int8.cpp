#include "tools/bench/loops/tile_impl.h"

namespace quipu::tools::loops {
namespace {

float multiply(uint64_t rounds) {
  load_shapes();
  for (uint64_t round = 0; round < rounds; ++round) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
  return 0;
}

constexpr PeakLoop kPeaks[] = {{"int8 tiles, AMX", kProductsPerRound * 16 * 16 * 64 * 2, &multiply}};

}  // namespace

const Loops amx_int8{{}, kPeaks};

}  // namespace quipu::tools::loops
