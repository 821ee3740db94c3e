// GEMM with bfloat16 products and float32 sums, for AVX512-BF16: panels of 32 rows, [k / 2][32][2].
#include "kernels/avx512/panel.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

struct BFloat16 {
  using Lane = int32_t;  // two of k
  static constexpr size_t kPerLane = 2, kRegisters = 1;

  static void pack(const Floats32& v, __m512i out[1]) {
    out[0] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(v.b, v.a));
  }
  static __m512 multiply_add(__m512 sum, int32_t x, __m512i w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(_mm512_set1_epi32(x)), reinterpret_cast<__m512bh>(w));
  }
};

void pack_x(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<__m512i*>(packed);
  for (size_t k = 0; k < n_in; k += 32) {
    BFloat16::pack({load_part16(x, n_in, k), load_part16(x, n_in, k + 16)}, out++);
  }
}

}  // namespace

constinit const GemmKernels avx512_bf16::gemm_bf16 = {
    .operands = GemmKernels::Operands::bfloat16,
    .panel_rows = kPanelRows,
    .panel_block_bytes = GemmKernels::kBlock * kPanelRows * sizeof(uint16_t),
    .x_block_bytes = GemmKernels::kBlock * sizeof(uint16_t),
    .pack_x = pack_x,
    .unpack_panel = unpack_panel<BFloat16>,
    .multiply = multiply_panel<BFloat16>,
};

}  // namespace quipu::kernels
