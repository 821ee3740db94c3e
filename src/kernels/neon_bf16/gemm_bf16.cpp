// GEMM with bfloat16 products and float32 sums, for BFMMLA, which multiplies two tokens by two rows over four k: panels
// of 16 rows, [k / 4][8 pairs of rows][2][4].
#include "kernels/neon/pairs.h"
#include "kernels/neon/unpack.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

constexpr size_t kBlock = GemmKernels::kBlock;
// 3 pairs of tokens by 8 of rows are 24 sums; 6 registers of x (8 k) and one of weights leave one of the 32 registers
// free.
constexpr size_t kTilePairs = 3;

inline bfloat16x8_t load8(const uint16_t* p) {
  return vreinterpretq_bf16_u16(vld1q_u16(p));
}
inline bfloat16x8_t two_of_four(float32x4_t first, float32x4_t second) {
  return vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(first), second);
}
inline void store8(uint16_t* p, bfloat16x8_t v) {
  vst1q_u16(p, vreinterpretq_u16_bf16(v));
}

struct Panel {
  static constexpr size_t kBlockBytes = kBlock * kPanelRows * sizeof(uint16_t);

  static void store(const float32x4_t v[4][4], size_t row, size_t k, void* panel) {
    uint16_t* out = static_cast<uint16_t*>(panel) + k * kPanelRows + 4 * row;
    for (size_t q = 0; q < 4; ++q, out += 4 * kPanelRows) {
      store8(out, two_of_four(v[0][q], v[1][q]));
      store8(out + 8, two_of_four(v[2][q], v[3][q]));
    }
  }
};

// Zeros to a multiple of eight follow.
void pack_x(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<uint16_t*>(packed);
  size_t k = 0;
  for (; k + 8 <= n_in; k += 8) store8(out + k, two_of_four(vld1q_f32(x + k), vld1q_f32(x + k + 4)));
  if (k == n_in) return;
  float padded[8] = {};
  copy_rows(padded, x + k, n_in - k);
  store8(out + k, two_of_four(vld1q_f32(padded), vld1q_f32(padded + 4)));
}

// Two tokens' next four k and the four after those, from eight of each.
inline void interleave(bfloat16x8_t first, bfloat16x8_t second, bfloat16x8_t x[2]) {
  const uint64x2_t a = vreinterpretq_u64_bf16(first), b = vreinterpretq_u64_bf16(second);
  x[0] = vreinterpretq_bf16_u64(vzip1q_u64(a, b));
  x[1] = vreinterpretq_bf16_u64(vzip2q_u64(a, b));
}

// The next n_tokens (2 kPairs, or one less: then the last stands in for the one that lacks) by 16 rows.
template <size_t kPairs>
void multiply_tile(const PanelProduct& p, size_t n_tokens, const std::byte* x, float* y) {
  const uint16_t* xs[2 * kPairs];
  float* ys[2 * kPairs];
  for (size_t t = 0; t < 2 * kPairs; ++t) {
    const size_t token = t < n_tokens ? t : n_tokens - 1;
    xs[t] = reinterpret_cast<const uint16_t*>(x + token * p.x_stride);
    ys[t] = y + token * p.y_stride;
  }
  float32x4_t sum[kPairs][kRowPairs];
  for (size_t t = 0; t < kPairs; ++t) load_pairs(ys[2 * t], ys[2 * t + 1], p.accumulate ? p.n_rows : 0, sum[t]);
  const auto* w = static_cast<const uint16_t*>(p.panel);
  for (size_t k = 0; k < p.n_k; k += 8) {
    bfloat16x8_t v[kPairs][2];
    for (size_t t = 0; t < kPairs; ++t) interleave(load8(xs[2 * t] + k), load8(xs[2 * t + 1] + k), v[t]);
    for (size_t four = 0; four < 2; ++four, w += 4 * kPanelRows) {
      for (size_t i = 0; i < kRowPairs; ++i) {
        const bfloat16x8_t rows = load8(w + 8 * i);
        for (size_t t = 0; t < kPairs; ++t) sum[t][i] = vbfmmlaq_f32(sum[t][i], v[t][four], rows);
      }
    }
  }
  for (size_t t = 0; t < kPairs; ++t) store_pairs(sum[t], p.n_rows, ys[2 * t], ys[2 * t + 1]);
}

void multiply(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  for (size_t t = 0; t < p.n_tokens; t += 2 * kTilePairs) {
    const size_t n = p.n_tokens - t;
    if (n > 4) {
      multiply_tile<3>(p, n < 6 ? n : 6, x, y);
    } else if (n > 2) {
      multiply_tile<2>(p, n, x, y);
    } else {
      multiply_tile<1>(p, n, x, y);
    }
    x += 2 * kTilePairs * p.x_stride;
    y += 2 * kTilePairs * p.y_stride;
  }
}

}  // namespace

constinit const GemmKernels neon_bf16::gemm_bf16 = {
    .operands = GemmKernels::Operands::bfloat16,
    .panel_rows = kPanelRows,
    .panel_block_bytes = Panel::kBlockBytes,
    .x_block_bytes = kBlock * sizeof(uint16_t),
    .pack_x = pack_x,
    .unpack_panel = unpack_panel<Panel>,
    .multiply = multiply,
};

}  // namespace quipu::kernels
