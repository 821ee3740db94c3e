// The fused kernels for few tokens, with products of 16-bit integers.
#include "kernels/neon/gemv.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr float kMaxQ = 32767;

  struct Integers {
    int16_t v[256];
    void store(size_t run, int16x8_t low, int16x8_t high) {
      vst1q_s16(v + 16 * run, low);
      vst1q_s16(v + 16 * run + 8, high);
    }
  };
  struct Weights {
    int16x8_t low, high;
  };
  static Weights of(int8x16_t w) { return {vmovl_s8(vget_low_s8(w)), vmovl_high_s8(w)}; }

  static int32x4_t add(int32x4_t sum, int16x8_t w, int16x8_t q) {
    return vmlal_high_s16(vmlal_s16(sum, vget_low_s16(w), vget_low_s16(q)), w, q);
  }
  template <size_t kRuns>
  [[gnu::always_inline]] static int32x4_t sums(const Weights* w, const Integers& x, size_t run) {
    int32x4_t sum = vdupq_n_s32(0);
    for (size_t i = 0; i < kRuns; ++i) {
      const int16_t* q = x.v + 16 * (run + i);
      sum = add(add(sum, w[i].low, vld1q_s16(q)), w[i].high, vld1q_s16(q + 8));
    }
    return sum;
  }
};

}  // namespace

constinit const GemvTable neon::gemv = gemv_table<Dot>();

}  // namespace quipu::kernels
