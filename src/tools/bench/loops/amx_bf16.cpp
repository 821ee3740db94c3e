#include "tools/bench/loops/tile_impl.h"

namespace quipu::tools::loops {
namespace {

float multiply(uint64_t rounds) {
  load_shapes();
  for (uint64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 0;
}

constexpr PeakLoop kPeaks[] = {{"bf16 tiles, AMX", kProductsPerRound * 16 * 16 * 32 * 2, &multiply}};

}  // namespace

const Loops amx_bf16{{}, kPeaks};

}  // namespace quipu::tools::loops
