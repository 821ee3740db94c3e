// GEMM in float32, in plain C++ that compilers turn into the vector instructions every machine of an architecture has:
// panels of 16 rows, [k][16].
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

constexpr size_t kPanelRows = 16;
constexpr size_t kBlock = GemmKernels::kBlock;

void pack_x(const float* x, size_t n_in, void* packed) {
  float* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; ++k) out[k] = x[k];
}

void unpack_panel(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  const quant::TypeTraits& type = quant::traits(w.type);
  float decoded[kBlock];
  for (size_t k = k_begin; k < k_end; k += kBlock) {
    const size_t n = k_end - k < kBlock ? k_end - k : kBlock;
    float* out = static_cast<float*>(panel) + (k - k_begin) * kPanelRows;
    for (size_t r = 0; r < kPanelRows; ++r) {
      if (r < w.n_rows) {
        type.decode(w.data + r * w.row_bytes + k / type.block_elements * type.block_bytes, decoded, n);
        for (size_t i = 0; i < n; ++i) out[i * kPanelRows + r] = decoded[i];
      } else {
        for (size_t i = 0; i < n; ++i) out[i * kPanelRows + r] = 0;
      }
    }
  }
}

// kTokens tokens by kRows rows, all sums in registers: 2 x 8 are four registers of four floats of the 16 of x86-64.
constexpr size_t kTileTokens = 2;
constexpr size_t kTileRows = 8;

template <size_t kTokens>
void multiply_tile(const PanelProduct& p, const std::byte* x, float* y, size_t row) {
  const float* w = static_cast<const float*>(p.panel) + row;
  float sum[kTokens][kTileRows] = {};
  const size_t n_rows = p.n_rows - row < kTileRows ? p.n_rows - row : kTileRows;
  if (p.accumulate) {
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t r = 0; r < n_rows; ++r) sum[t][r] = y[t * p.y_stride + row + r];
    }
  }
  for (size_t k = 0; k < p.n_k; ++k, w += kPanelRows) {
    for (size_t t = 0; t < kTokens; ++t) {
      const float xt = reinterpret_cast<const float*>(x + t * p.x_stride)[k];
      for (size_t r = 0; r < kTileRows; ++r) sum[t][r] += xt * w[r];
    }
  }
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t r = 0; r < n_rows; ++r) y[t * p.y_stride + row + r] = sum[t][r];
  }
}

void multiply(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  for (size_t t = 0; t < p.n_tokens; t += kTileTokens) {
    for (size_t row = 0; row < p.n_rows; row += kTileRows) {
      if (p.n_tokens - t >= kTileTokens) {
        multiply_tile<kTileTokens>(p, x, y, row);
      } else {
        multiply_tile<1>(p, x, y, row);
      }
    }
    x += kTileTokens * p.x_stride;
    y += kTileTokens * p.y_stride;
  }
}

}  // namespace

constinit const GemmKernels generic::gemm_f32 = {
    .panel_rows = kPanelRows,
    .panel_block_bytes = kBlock * kPanelRows * sizeof(float),
    .x_block_bytes = kBlock * sizeof(float),
    .pack_x = pack_x,
    .unpack_panel = unpack_panel,
    .multiply = multiply,
};

}  // namespace quipu::kernels
