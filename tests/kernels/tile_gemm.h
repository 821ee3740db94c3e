// The AMX kernel over the stand-in, with packing of its own by the layout that multiply_impl.h states, so that it runs
// on every machine.
#pragma once

#include <cstring>
#include <vector>

#include "base/float16.h"
#include "kernels/amx_bf16/multiply_impl.h"
#include "quant/types.h"
#include "tests/kernels/tile_stand_in.h"

namespace quipu::kernels::test {
namespace {

// The bfloat16 of part 0 is x, rounded; that of part 1 what is left of it.
inline uint16_t part_of(float x, size_t part) {
  const uint16_t first = f32_to_bf16(x);
  return part == 0 ? first : f32_to_bf16(x - bf16_to_f32(first));
}

template <size_t kParts>
void pack_x_for_tiles(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<uint16_t*>(packed);
  for (size_t k = 0; k < (n_in + kTileK - 1) / kTileK * kTileK; ++k) {
    for (size_t part = 0; part < kParts; ++part) {
      out[(k / kTileK * kParts + part) * kTileK + k % kTileK] = k < n_in ? part_of(x[k], part) : 0;
    }
  }
}

template <size_t kParts>
void unpack_panel_for_tiles(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  const quant::TypeTraits& type = quant::traits(w.type);
  const size_t n_k = k_end - k_begin, n_chunks = (n_k + kTileK - 1) / kTileK;
  std::vector<float> values(n_chunks * kTileK);
  auto* out = static_cast<uint16_t*>(panel);
  for (size_t row = 0; row < kTilePanelRows; ++row) {
    std::fill(values.begin(), values.end(), 0.0f);
    if (row < w.n_rows) {
      const std::byte* from = w.data + row * w.row_bytes + k_begin / type.block_elements * type.block_bytes;
      type.decode(from, values.data(), n_k);
    }
    for (size_t k = 0; k < values.size(); ++k) {
      for (size_t part = 0; part < kParts; ++part) {
        const size_t pair = (k / kTileK * kParts + part) * kTileRows + k % kTileK / 2;
        out[(pair * kTilePanelRows + row) * 2 + k % 2] = part_of(values[k], part);
      }
    }
  }
}

template <size_t kParts>
inline constexpr GemmKernels kTileGemm = {
    .operands = kParts == 1 ? GemmKernels::Operands::bfloat16 : GemmKernels::Operands::bfloat16x2,
    .panel_rows = kTilePanelRows,
    .panel_block_bytes = GemmKernels::kBlock* kTilePanelRows* kParts * sizeof(uint16_t),
    .x_block_bytes = GemmKernels::kBlock* kParts * sizeof(uint16_t),
    .pack_x = pack_x_for_tiles<kParts>,
    .unpack_panel = unpack_panel_for_tiles<kParts>,
    .multiply = multiply_in_tiles<StandInTiles, kParts>,
};

// As many parts as the AMX table has for a type.
inline GemmKernels tile_gemm(quant::TensorType type) {
  return type == quant::TensorType::F16 ? kTileGemm<2> : kTileGemm<1>;
}

// What a machine without AMX can run of the kernels that one with AMX has for a type.
inline GemmKernels over_stand_in(GemmKernels gemm) {
  if (gemm.operands == GemmKernels::Operands::bfloat16) gemm.multiply = kTileGemm<1>.multiply;
  if (gemm.operands == GemmKernels::Operands::bfloat16x2) gemm.multiply = kTileGemm<2>.multiply;
  return gemm;
}

}  // namespace
}  // namespace quipu::kernels::test
