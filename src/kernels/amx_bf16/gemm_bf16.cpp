// GEMM with bfloat16 products and float32 sums in the tiles of AMX.
#include "kernels/amx_bf16/hardware_tiles.h"
#include "kernels/amx_bf16/multiply_impl.h"
#include "kernels/avx512/panel.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

inline __m512 to_floats(__m256i bfloat16s) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bfloat16s), 16));
}

// What is left of a number that is rounded to bfloat16, in a bfloat16 of its own.
struct TwoBFloat16 {
  static constexpr size_t kRegisters = 2;

  static void pack(const Floats32& v, __m512i out[2]) {
    out[0] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(v.b, v.a));
    const __m512 a = _mm512_sub_ps(v.a, to_floats(_mm512_castsi512_si256(out[0])));
    const __m512 b = _mm512_sub_ps(v.b, to_floats(_mm512_extracti64x4_epi64(out[0], 1)));
    out[1] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a));
  }
};

void pack_x(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<__m512i*>(packed);
  for (size_t k = 0; k < n_in; k += 32, out += 2) {
    TwoBFloat16::pack({load_part16(x, n_in, k), load_part16(x, n_in, k + 16)}, out);
  }
}

}  // namespace

void amx_bf16::multiply(const PanelProduct& product) {
  multiply_in_tiles<HardwareTiles, 1>(product);
}

constinit const GemmKernels amx_bf16::gemm_bf16x2 = {
    .operands = GemmKernels::Operands::bfloat16x2,
    .panel_rows = kPanelRows,
    .panel_block_bytes = GemmKernels::kBlock * kPanelRows * 2 * sizeof(uint16_t),
    .x_block_bytes = GemmKernels::kBlock * 2 * sizeof(uint16_t),
    .pack_x = pack_x,
    .unpack_panel = unpack_rows<TwoBFloat16, quant::TensorType::F16>,
    .multiply = multiply_in_tiles<HardwareTiles, 2>,
};

}  // namespace quipu::kernels
