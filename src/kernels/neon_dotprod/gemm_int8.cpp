// GEMM with int8 products by dot products: a register of sums is one token by four rows, and each instruction
// multiplies four of K.
#include "kernels/neon/gemm_int8.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr size_t kTokens = 1;
  static constexpr size_t kSets = kPanelRows / 4;
  static constexpr size_t kRegisters = 4;  // [K / 4][4 rows][4 of K]

  using X = int8x16_t;
  static X load(const Packed8* const* token, size_t k) { return vld1q_s8(token[0]->q + k); }

  [[gnu::always_inline]] static int32x4_t add(int32x4_t sum, const int8x16_t w[kRegisters], X x) {
    sum = vdotq_laneq_s32(sum, w[0], x, 0);
    sum = vdotq_laneq_s32(sum, w[1], x, 1);
    sum = vdotq_laneq_s32(sum, w[2], x, 2);
    return vdotq_laneq_s32(sum, w[3], x, 3);
  }

  template <class Panel>
  [[gnu::always_inline]] static void store(const int8x16_t v[4], size_t row, size_t k, Panel& panel) {
    const float32x4_t fours[4] = {vreinterpretq_f32_s8(v[0]), vreinterpretq_f32_s8(v[1]), vreinterpretq_f32_s8(v[2]),
                                  vreinterpretq_f32_s8(v[3])};
    float32x4_t columns[4];
    transpose4(fours, columns);
    for (size_t i = 0; i < 4; ++i) vst1q_s8(panel.q[k / 32][row / 4][k / 16 % 2][i], vreinterpretq_s8_f32(columns[i]));
  }

  static float32x4_t of_rows(const float* values, size_t set) { return vld1q_f32(values + 4 * set); }
  template <class Get>
  static float32x4_t of_tokens(const Packed8* const* token, Get get) {
    return vdupq_n_f32(get(*token[0]));
  }

  template <class Panel>
  [[gnu::always_inline]] static void add_outlier(const Panel& panel, const Packed8* const* token, size_t i,
                                                 float32x4_t sum[kSets]) {
    const auto [x, k] = token[0]->outliers[i];
    const int8x16_t one = vreinterpretq_s8_u32(vdupq_n_u32(1u << (8 * (k % 4))));
    for (size_t set = 0; set < kSets; ++set) {
      const int8x16_t w = vld1q_s8(panel.q[k / 32][set][k / 16 % 2][k % 16 / 4]);
      const float32x4_t weights =
          vmulq_f32(to_float(vdotq_s32(no_products(), w, one)), of_rows(panel.scale[k / Panel::kRun], set));
      sum[set] = vfmaq_n_f32(sum[set], weights, x);
    }
  }

  static void load_sums(const float* const y[kTokens], size_t n_rows, float32x4_t sum[kSets]) {
    float rows[kPanelRows] = {};
    copy_rows(rows, y[0], n_rows);
    for (size_t set = 0; set < kSets; ++set) sum[set] = vld1q_f32(rows + 4 * set);
  }
  static void store_sums(const float32x4_t sum[kSets], size_t n_rows, float* const y[kTokens]) {
    float rows[kPanelRows];
    for (size_t set = 0; set < kSets; ++set) vst1q_f32(rows + 4 * set, sum[set]);
    copy_rows(y[0], rows, n_rows);
  }
};

}  // namespace

constinit const GemmTable neon_dotprod::gemm_int8 = gemm8_table<Dot>();

}  // namespace quipu::kernels
