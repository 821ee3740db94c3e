// The primitives of vector_impl.h and attention_impl.h on NEON, as every ARM64 processor has it.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {
namespace {

struct Simd {
  using F = float32x4_t;  // kLanes float32
  using I = int32x4_t;    // kLanes int32
  using D = float64x2_t;  // half as many float64
  struct M {              // a truth value per lane: all bits or none
    uint32x4_t bits;
  };
  static constexpr size_t kLanes = 4;
  static constexpr size_t kRegisters = 32;

  static F load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, F v) { vst1q_f32(p, v); }
  // The first n < kLanes; the other lanes are zeros.
  static F load_part(const float* p, size_t n) {
    float lanes[kLanes] = {};
    for (size_t i = 0; i < n; ++i) lanes[i] = p[i];
    return load(lanes);
  }
  static void store_part(float* p, F v, size_t n) {
    float lanes[kLanes];
    store(lanes, v);
    for (size_t i = 0; i < n; ++i) p[i] = lanes[i];
  }
  static F set(float x) { return vdupq_n_f32(x); }
  static F zero() { return vdupq_n_f32(0.0f); }

  static F add(F a, F b) { return vaddq_f32(a, b); }
  static F sub(F a, F b) { return vsubq_f32(a, b); }
  static F mul(F a, F b) { return vmulq_f32(a, b); }
  static F div(F a, F b) { return vdivq_f32(a, b); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }   // a * b + c
  static F fnma(F a, F b, F c) { return vfmsq_f32(c, a, b); }  // c - a * b
  static F abs(F a) { return vabsq_f32(a); }
  // The second operand if one of them is NaN.
  static F max(F a, F b) { return select(less(b, a), a, b); }
  static F min(F a, F b) { return select(less(a, b), a, b); }
  static F round(F a) { return vrndnq_f32(a); }
  // a * 2^n for a whole n in [-160, 160] and 0.5 < a < 2: rounded once, subnormals and overflow as they should be.
  static F scale_by_power(F a, F n) {
    const I whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    return mul(mul(a, power(half)), power(vsubq_s32(whole, half)));
  }
  static F power(I n) {  // 2^n, -126 <= n <= 127
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
  }

  static M less(F a, F b) { return {vcltq_f32(a, b)}; }
  static M less(I a, I b) { return {vcltq_s32(a, b)}; }
  static M both(M a, M b) { return {vandq_u32(a.bits, b.bits)}; }
  static F select(M m, F yes, F no) { return vbslq_f32(m.bits, yes, no); }
  static I select(M m, I yes, I no) { return vbslq_s32(m.bits, yes, no); }

  static I set(int32_t x) { return vdupq_n_s32(x); }
  static I lane_numbers() { return I{0, 1, 2, 3}; }
  static I add(I a, I b) { return vaddq_s32(a, b); }
  static void store(int32_t* p, I v) { vst1q_s32(p, v); }

  static float sum(F v) { return vaddvq_f32(v); }
  // NaN lanes may or may not count.
  static float largest(F v) { return vmaxnmvq_f32(v); }

  static D zero_double() { return vdupq_n_f64(0.0); }
  static D low_double(F v) { return vcvt_f64_f32(vget_low_f32(v)); }
  static D high_double(F v) { return vcvt_high_f64_f32(v); }
  static D set_double(double x) { return vdupq_n_f64(x); }
  static D add(D a, D b) { return vaddq_f64(a, b); }
  static D sub(D a, D b) { return vsubq_f64(a, b); }
  static D fma(D a, D b, D c) { return vfmaq_f64(c, a, b); }
  static double sum(D v) { return vaddvq_f64(v); }

  static F load_f16(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
  static void store_f16(uint16_t* p, F v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
  static F load_bf16(const uint16_t* p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
  static void store_bf16(uint16_t* p, F v) {
    const uint32x4_t bits = vreinterpretq_u32_f32(v);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    vst1_u16(p, vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet), 16));
  }

  static uint8x8_t load_bytes(const void* p) {  // kLanes, twice
    uint32_t bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    return vreinterpret_u8_u32(vdup_n_u32(bytes));
  }
  static F of_bytes(int8x8_t v) { return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(v)))); }
  static F load_i8(const int8_t* p) { return of_bytes(vreinterpret_s8_u8(load_bytes(p))); }
  // (p[i] >> shift) % 16 - 8
  static F load_nibbles(const uint8_t* p, unsigned shift) {
    const uint8x8_t moved = vshl_u8(load_bytes(p), vdup_n_s8(static_cast<int8_t>(-static_cast<int>(shift))));
    return of_bytes(vsub_s8(vreinterpret_s8_u8(vand_u8(moved, vdup_n_u8(15))), vdup_n_s8(8)));
  }
  // The float32 whose bits are those of t, shifted 23 to the left.
  static F shift_to_exponent(F t) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(t), 23)); }

  // Pairs of neighbours (a0 a1)(a2 a3)...: swapped; and kLanes/2 values in memory, each twice.
  static F swap_pairs(F v) { return vrev64q_f32(v); }
  static F load_twice(const float* p) {
    const float32x2_t half = vld1_f32(p);
    return vcombine_f32(vdup_lane_f32(half, 0), vdup_lane_f32(half, 1));
  }
  // (c0 a0 - s0 a1, c1 a1 + s1 a0, ...) of a, its swap_pairs, and cosines and sines twice.
  static F rotate(F a, F swapped, F cosine, F sine) {
    const uint32x4_t even_sign = {0x80000000u, 0, 0x80000000u, 0};
    const F signed_sine = vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(sine), even_sign));
    return fma(a, cosine, mul(swapped, signed_sine));
  }
};

}  // namespace
}  // namespace quipu::kernels
