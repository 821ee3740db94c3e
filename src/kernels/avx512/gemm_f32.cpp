// GEMM in float32, for AVX-512: panels of 32 rows, [k][32].
#include "kernels/avx512/panel.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

struct Float32 {
  using Lane = float;
  static constexpr size_t kPerLane = 1, kRegisters = 2;

  static void pack(const Floats32& v, __m512i out[2]) {
    out[0] = _mm512_castps_si512(v.a);
    out[1] = _mm512_castps_si512(v.b);
  }
  static __m512 multiply_add(__m512 sum, float x, __m512i w) {
    return _mm512_fmadd_ps(_mm512_set1_ps(x), _mm512_castsi512_ps(w), sum);
  }
};

void pack_x(const float* x, size_t n_in, void* packed) {
  float* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; k += 16) {
    _mm512_store_ps(out + k, _mm512_maskz_loadu_ps(first16(n_in - k), x + k));
  }
}

}  // namespace

constinit const GemmKernels avx512::gemm_f32 = {
    .panel_rows = kPanelRows,
    .panel_block_bytes = GemmKernels::kBlock * kPanelRows * sizeof(float),
    .x_block_bytes = GemmKernels::kBlock * sizeof(float),
    .pack_x = pack_x,
    .unpack_panel = unpack_panel<Float32>,
    .multiply = multiply_panel<Float32>,
};

}  // namespace quipu::kernels
