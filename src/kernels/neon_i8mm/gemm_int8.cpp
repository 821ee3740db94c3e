// GEMM with int8 products by SMMLA, which multiplies two tokens by two rows over eight of K: a register of sums is that
// square.
#include "kernels/neon/gemm_int8.h"
#include "kernels/neon/pairs.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr size_t kTokens = 2;
  static constexpr size_t kSets = kRowPairs;
  static constexpr size_t kRegisters = 2;  // [K / 8][2 rows][8 of K]

  struct X {
    int8x16_t v[2];
  };
  [[gnu::always_inline]] static X load(const Packed8* const* tokens, size_t k) {
    return interleaved(vld1q_s8(tokens[0]->q + k), vld1q_s8(tokens[1]->q + k));
  }

  [[gnu::always_inline]] static int32x4_t add(int32x4_t sum, const int8x16_t w[kRegisters], const X& x) {
    return vmmlaq_s32(vmmlaq_s32(sum, x.v[0], w[0]), x.v[1], w[1]);
  }

  template <class Panel>
  [[gnu::always_inline]] static void store(const int8x16_t v[4], size_t row, size_t k, Panel& panel) {
    for (size_t pair = 0; pair < 2; ++pair) {
      const X both = interleaved(v[2 * pair], v[2 * pair + 1]);
      for (size_t i = 0; i < 2; ++i) vst1q_s8(panel.q[k / 32][row / 2 + pair][k / 16 % 2][i], both.v[i]);
    }
  }

  static float32x4_t of_rows(const float* values, size_t set) {
    const float32x2_t two = vld1_f32(values + 2 * set);
    return vcombine_f32(two, two);
  }
  template <class Get>
  static float32x4_t of_tokens(const Packed8* const* tokens, Get get) {
    return vcombine_f32(vdup_n_f32(get(*tokens[0])), vdup_n_f32(get(*tokens[1])));
  }

  template <class Panel>
  [[gnu::always_inline]] static void add_outlier(const Panel& panel, const Packed8* const* tokens, size_t i,
                                                 float32x4_t sum[kSets]) {
    const uint32_t a = tokens[0]->outliers[i].k, b = tokens[1]->outliers[i].k;
    const int8x8_t none = vdup_n_s8(0);
    const int8x16_t one_a = vcombine_s8(vcreate_s8(uint64_t{1} << (8 * (a % 8))), none);
    const int8x16_t one_b = vcombine_s8(none, vcreate_s8(uint64_t{1} << (8 * (b % 8))));
    const float32x4_t x = of_tokens(tokens, [i](const Packed8& t) { return t.outliers[i].x; });
    const float *scale_a = panel.scale[a / Panel::kRun], *scale_b = panel.scale[b / Panel::kRun];
    for (size_t set = 0; set < kSets; ++set) {
      int32x4_t q = vmmlaq_s32(no_products(), one_a, vld1q_s8(panel.q[a / 32][set][a / 16 % 2][a % 16 / 8]));
      q = vmmlaq_s32(q, one_b, vld1q_s8(panel.q[b / 32][set][b / 16 % 2][b % 16 / 8]));
      const float32x4_t scale = vcombine_f32(vld1_f32(scale_a + 2 * set), vld1_f32(scale_b + 2 * set));
      sum[set] = vfmaq_f32(sum[set], vmulq_f32(to_float(q), scale), x);
    }
  }

  static void load_sums(const float* const y[kTokens], size_t n_rows, float32x4_t sum[kSets]) {
    load_pairs(y[0], y[1], n_rows, sum);
  }
  static void store_sums(const float32x4_t sum[kSets], size_t n_rows, float* const y[kTokens]) {
    store_pairs(sum, n_rows, y[0], y[1]);
  }

 private:
  // Eight bytes of each and the eight after those.
  [[gnu::always_inline]] static X interleaved(int8x16_t first, int8x16_t second) {
    const int64x2_t a = vreinterpretq_s64_s8(first), b = vreinterpretq_s64_s8(second);
    return {{vreinterpretq_s8_s64(vzip1q_s64(a, b)), vreinterpretq_s8_s64(vzip2q_s64(a, b))}};
  }
};

}  // namespace

constinit const GemmTable neon_i8mm::gemm_int8 = gemm8_table<Dot>();

}  // namespace quipu::kernels
