// The tiles of the processor. The thread's permission to use them is platform::cpu_features()'s to ask for.
#pragma once

#include "kernels/amx_bf16/tile_shapes.h"

namespace quipu::kernels {
namespace {

// Instructions by hand: GCC's intrinsics take a tile's number by its spelling, so that it cannot be a template's, and
// do not say that they read and write memory.
class HardwareTiles {
 public:
  HardwareTiles() = default;
  HardwareTiles(const HardwareTiles&) = delete;
  HardwareTiles& operator=(const HardwareTiles&) = delete;
  // Tiles in their first state are not saved when the system changes threads.
  ~HardwareTiles() { asm volatile("tilerelease"); }

  void configure(const TileShapes& shapes) { asm volatile("ldtilecfg %0" : : "m"(shapes)); }
  template <int kTile>
  void load(const void* address, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(address), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void store(void* address, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(address), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kSum, int kA, int kB>
  void multiply_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace quipu::kernels
