// GEMM in float32, for NEON: panels of 16 rows, [k][16].
#include "kernels/neon/unpack.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

constexpr size_t kBlock = GemmKernels::kBlock;
// A tile is 8 rows (two registers) by 8 tokens: 16 sums, 8 weights of four k and the x of one token are 25 of the 32
// registers. Every load of 4 elements serves 4 multiply-adds.
constexpr size_t kTileRows = 8;
constexpr size_t kTileTokens = 8;

struct Panel {
  static constexpr size_t kBlockBytes = kBlock * kPanelRows * sizeof(float);

  static void store(const float32x4_t v[4][4], size_t row, size_t k, void* panel) {
    float* out = static_cast<float*>(panel) + k * kPanelRows + row;
    for (size_t q = 0; q < 4; ++q, out += 4 * kPanelRows) {
      const float32x4_t four[4] = {v[0][q], v[1][q], v[2][q], v[3][q]};
      float32x4_t columns[4];
      transpose4(four, columns);
      for (size_t i = 0; i < 4; ++i) vst1q_f32(out + i * kPanelRows, columns[i]);
    }
  }
};

// Zeros to a multiple of four follow.
void pack_x(const float* x, size_t n_in, void* packed) {
  float* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; ++k) out[k] = x[k];
  for (size_t k = n_in; k % 4 != 0; ++k) out[k] = 0;
}

inline void add_product(float32x4_t sum[2], const float32x4_t w[4][2], float32x4_t x) {
  for (size_t h = 0; h < 2; ++h) sum[h] = vfmaq_laneq_f32(sum[h], w[0][h], x, 0);
  for (size_t h = 0; h < 2; ++h) sum[h] = vfmaq_laneq_f32(sum[h], w[1][h], x, 1);
  for (size_t h = 0; h < 2; ++h) sum[h] = vfmaq_laneq_f32(sum[h], w[2][h], x, 2);
  for (size_t h = 0; h < 2; ++h) sum[h] = vfmaq_laneq_f32(sum[h], w[3][h], x, 3);
}

// kTokens tokens by the 8 rows from `row` on, all sums in registers.
template <size_t kTokens>
void multiply_tile(const PanelProduct& p, const std::byte* x, float* y, size_t row) {
  const size_t n_rows = p.n_rows - row < kTileRows ? p.n_rows - row : kTileRows;
  float32x4_t sum[kTokens][2];
  for (size_t t = 0; t < kTokens; ++t) {
    float start[kTileRows] = {};
    if (p.accumulate) copy_rows(start, y + t * p.y_stride + row, n_rows);
    sum[t][0] = vld1q_f32(start);
    sum[t][1] = vld1q_f32(start + 4);
  }
  const float* panel = static_cast<const float*>(p.panel) + row;
  for (size_t k = 0; k < p.n_k; k += 4, panel += 4 * kPanelRows) {
    float32x4_t w[4][2];
    for (size_t i = 0; i < 4; ++i) {
      w[i][0] = vld1q_f32(panel + i * kPanelRows);
      w[i][1] = vld1q_f32(panel + i * kPanelRows + 4);
    }
    for (size_t t = 0; t < kTokens; ++t) {
      add_product(sum[t], w, vld1q_f32(reinterpret_cast<const float*>(x + t * p.x_stride) + k));
    }
  }
  for (size_t t = 0; t < kTokens; ++t) {
    float* out = y + t * p.y_stride + row;
    if (n_rows == kTileRows) {
      vst1q_f32(out, sum[t][0]);
      vst1q_f32(out + 4, sum[t][1]);
    } else {
      float end[kTileRows];
      vst1q_f32(end, sum[t][0]);
      vst1q_f32(end + 4, sum[t][1]);
      copy_rows(out, end, n_rows);
    }
  }
}

template <size_t kTokens>
void multiply_rows(const PanelProduct& p, const std::byte* x, float* y) {
  for (size_t row = 0; row < p.n_rows; row += kTileRows) multiply_tile<kTokens>(p, x, y, row);
}

void multiply(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  size_t t = 0;
  for (; t + kTileTokens <= p.n_tokens; t += kTileTokens) {
    multiply_rows<kTileTokens>(p, x, y);
    x += kTileTokens * p.x_stride;
    y += kTileTokens * p.y_stride;
  }
  switch (p.n_tokens - t) {
    case 1:
      return multiply_rows<1>(p, x, y);
    case 2:
      return multiply_rows<2>(p, x, y);
    case 3:
      return multiply_rows<3>(p, x, y);
    case 4:
      return multiply_rows<4>(p, x, y);
    case 5:
      return multiply_rows<5>(p, x, y);
    case 6:
      return multiply_rows<6>(p, x, y);
    case 7:
      return multiply_rows<7>(p, x, y);
    default:
      return;
  }
}

}  // namespace

constinit const GemmKernels neon::gemm_f32 = {
    .panel_rows = kPanelRows,
    .panel_block_bytes = Panel::kBlockBytes,
    .x_block_bytes = kBlock * sizeof(float),
    .pack_x = pack_x,
    .unpack_panel = unpack_panel<Panel>,
    .multiply = multiply,
};

}  // namespace quipu::kernels
