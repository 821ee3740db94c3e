// GEMM in float32, for AVX2 and FMA: panels of 16 rows, [k][16].
#include "kernels/avx2/decode.h"
#include "kernels/avx2/rows8.h"
#include "kernels/decoded_impl.h"
#include "kernels/x86/decode_points.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;

constexpr size_t kPanelRows = 16;
constexpr size_t kBlock = GemmKernels::kBlock;
// 6 tokens by two registers of rows are 12 sums; two of weights and one of x make 15 of the 16 registers.
constexpr size_t kTileTokens = 6;

void pack_x(const float* x, size_t n_in, void* packed) {
  float* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; ++k) out[k] = x[k];
}

// 8 rows by 32 of k, of which n exist; rows beyond n_rows are zeros.
template <TensorType kType>
void unpack_chunk(const std::byte* row, size_t row_bytes, size_t n_rows, size_t chunk, size_t n, float* out) {
  Floats32 rows[8];
  for (size_t r = 0; r < 8; ++r) {
    if (r >= n_rows) {
      rows[r] = {};
    } else if (n < 32) {
      rows[r] = decode_some<kType>(row + r * row_bytes, chunk, n);
    } else {
      rows[r] = decode32<kType>(row + r * row_bytes, chunk);
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    __m256 v[8];
    for (size_t r = 0; r < 8; ++r) v[r] = rows[r].v[i];
    transpose8(v);
    for (size_t k = 0; k < 8; ++k) _mm256_store_ps(out + (8 * i + k) * kPanelRows, v[k]);
  }
}

template <TensorType kType>
void unpack_rows(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  for (size_t r = 0; r < kPanelRows; r += 8) {
    const size_t n_rows = r < w.n_rows ? w.n_rows - r : 0;
    float* out = static_cast<float*>(panel) + r;
    for (size_t k = k_begin; k < k_end; k += 32, out += 32 * kPanelRows) {
      const size_t n = k_end - k < 32 ? k_end - k : 32;
      unpack_chunk<kType>(w.data + r * w.row_bytes, w.row_bytes, n_rows, k / 32, n, out);
    }
  }
}

void unpack_decoded(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  float* out = static_cast<float*>(panel);
  for (size_t k = k_begin; k < k_end; k += kBlock, out += kBlock * kPanelRows) {
    const size_t n = k_end - k < kBlock ? k_end - k : kBlock;
    const DecodedBlock<kPanelRows> block(w, k, k + n, decoder_of(w.type));
    unpack_rows<TensorType::F32>(block.rows(), 0, n, out);
  }
}

void unpack_panel(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  switch (w.type) {
    case TensorType::F32:
      return unpack_rows<TensorType::F32>(w, k_begin, k_end, panel);
    case TensorType::F16:
      return unpack_rows<TensorType::F16>(w, k_begin, k_end, panel);
    case TensorType::BF16:
      return unpack_rows<TensorType::BF16>(w, k_begin, k_end, panel);
    case TensorType::Q8_0:
      return unpack_rows<TensorType::Q8_0>(w, k_begin, k_end, panel);
    case TensorType::Q4_0:
      return unpack_rows<TensorType::Q4_0>(w, k_begin, k_end, panel);
    case TensorType::Q4_1:
      return unpack_rows<TensorType::Q4_1>(w, k_begin, k_end, panel);
    case TensorType::Q5_0:
      return unpack_rows<TensorType::Q5_0>(w, k_begin, k_end, panel);
    case TensorType::Q5_1:
      return unpack_rows<TensorType::Q5_1>(w, k_begin, k_end, panel);
    case TensorType::Q2_K:
      return unpack_rows<TensorType::Q2_K>(w, k_begin, k_end, panel);
    case TensorType::Q3_K:
      return unpack_rows<TensorType::Q3_K>(w, k_begin, k_end, panel);
    case TensorType::Q4_K:
      return unpack_rows<TensorType::Q4_K>(w, k_begin, k_end, panel);
    case TensorType::Q5_K:
      return unpack_rows<TensorType::Q5_K>(w, k_begin, k_end, panel);
    case TensorType::Q6_K:
      return unpack_rows<TensorType::Q6_K>(w, k_begin, k_end, panel);
    case TensorType::IQ4_NL:
      return unpack_rows<TensorType::IQ4_NL>(w, k_begin, k_end, panel);
    case TensorType::IQ4_XS:
      return unpack_rows<TensorType::IQ4_XS>(w, k_begin, k_end, panel);
    case TensorType::MXFP4:
      return unpack_rows<TensorType::MXFP4>(w, k_begin, k_end, panel);
    default:
      return unpack_decoded(w, k_begin, k_end, panel);
  }
}

// kTokens tokens by 16 rows, all sums in registers.
template <size_t kTokens>
void multiply_tile(const PanelProduct& p, const std::byte* x, float* y) {
  const float* w = static_cast<const float*>(p.panel);
  __m256 sum[kTokens][2];
#pragma GCC unroll 8
  for (size_t t = 0; t < kTokens; ++t) {
    sum[t][0] = sum[t][1] = _mm256_setzero_ps();
    if (p.accumulate) load_rows(y + t * p.y_stride, p.n_rows, sum[t]);
  }
  for (size_t k = 0; k < p.n_k; ++k, w += kPanelRows) {
    const __m256 w0 = _mm256_load_ps(w), w1 = _mm256_load_ps(w + 8);
#pragma GCC unroll 8
    for (size_t t = 0; t < kTokens; ++t) {
      const __m256 xt = _mm256_broadcast_ss(reinterpret_cast<const float*>(x + t * p.x_stride) + k);
      __m256 a = _mm256_fmadd_ps(xt, w0, sum[t][0]), b = _mm256_fmadd_ps(xt, w1, sum[t][1]);
      // Token after token: GCC (12) would first load x of all of them, and have no registers left for the sums.
      __asm__ volatile("" : "+x"(a), "+x"(b));
      sum[t][0] = a;
      sum[t][1] = b;
    }
  }
#pragma GCC unroll 8
  for (size_t t = 0; t < kTokens; ++t) store_rows(y + t * p.y_stride, p.n_rows, sum[t]);
}

void multiply(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  size_t t = 0;
  for (; t + kTileTokens <= p.n_tokens; t += kTileTokens) {
    multiply_tile<kTileTokens>(p, x, y);
    x += kTileTokens * p.x_stride;
    y += kTileTokens * p.y_stride;
  }
  switch (p.n_tokens - t) {
    case 1:
      return multiply_tile<1>(p, x, y);
    case 2:
      return multiply_tile<2>(p, x, y);
    case 3:
      return multiply_tile<3>(p, x, y);
    case 4:
      return multiply_tile<4>(p, x, y);
    case 5:
      return multiply_tile<5>(p, x, y);
    default:
      return;
  }
}

}  // namespace

constinit const GemmKernels avx2::gemm_f32 = {
    .panel_rows = kPanelRows,
    .panel_block_bytes = kBlock * kPanelRows * sizeof(float),
    .x_block_bytes = kBlock * sizeof(float),
    .pack_x = pack_x,
    .unpack_panel = unpack_panel,
    .multiply = multiply,
};

}  // namespace quipu::kernels
