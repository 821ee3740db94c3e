// The fused kernels for few tokens, with dot products of 8-bit integers: an integer of x is 256 * high + low, two
// signed bytes, so that two instructions multiply 16 weights with 16 bits of x.
#include "kernels/neon/gemv.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr float kMaxQ = 127 * 256 + 127;  // the largest of which both bytes are signed

  struct Integers {
    int8_t high[256];
    int8_t low[256];
    void store(size_t run, int16x8_t a, int16x8_t b) {
      const int16x8_t high_a = vrshrq_n_s16(a, 8), high_b = vrshrq_n_s16(b, 8);
      vst1q_s8(high + 16 * run, vcombine_s8(vmovn_s16(high_a), vmovn_s16(high_b)));
      // what rounding left is the low byte, taken as signed
      vst1q_s8(low + 16 * run, vcombine_s8(vmovn_s16(a), vmovn_s16(b)));
    }
  };
  using Weights = int8x16_t;
  static Weights of(int8x16_t w) { return w; }

  template <size_t kRuns>
  [[gnu::always_inline]] static int32x4_t sums(const Weights* w, const Integers& x, size_t run) {
    int32x4_t sum = vdupq_n_s32(0);
    for (size_t i = 0; i < kRuns; ++i) sum = vdotq_s32(sum, w[i], vld1q_s8(x.high + 16 * (run + i)));
    sum = vshlq_n_s32(sum, 8);
    for (size_t i = 0; i < kRuns; ++i) sum = vdotq_s32(sum, w[i], vld1q_s8(x.low + 16 * (run + i)));
    return sum;
  }
};

}  // namespace

constinit const GemvTable neon_dotprod::gemv = gemv_table<Dot>();

}  // namespace quipu::kernels
