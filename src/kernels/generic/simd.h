// The primitives of vector_impl.h and attention_impl.h for any CPU: four lanes, which the compiler maps to what the
// baseline of the target has (SSE2, NEON, ...).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/float16.h"

namespace quipu::kernels {
namespace {

struct Simd {
  using F = float __attribute__((vector_size(16)));    // kLanes float32
  using I = int32_t __attribute__((vector_size(16)));  // kLanes int32
  using M = I;                                         // a truth value per lane: all bits or none
  using D = double __attribute__((vector_size(16)));   // half as many float64
  static constexpr size_t kLanes = 4;
  static constexpr size_t kRegisters = 16;

  static F load(const float* p) {
    F v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  static void store(float* p, F v) { std::memcpy(p, &v, sizeof(v)); }
  // The first n < kLanes; the other lanes are zeros.
  static F load_part(const float* p, size_t n) {
    F v = zero();
    std::memcpy(&v, p, n * sizeof(float));
    return v;
  }
  static void store_part(float* p, F v, size_t n) { std::memcpy(p, &v, n * sizeof(float)); }
  static F set(float x) { return F{x, x, x, x}; }
  static F zero() { return set(0.0f); }

  static F add(F a, F b) { return a + b; }
  static F sub(F a, F b) { return a - b; }
  static F mul(F a, F b) { return a * b; }
  static F div(F a, F b) { return a / b; }
  static F fma(F a, F b, F c) { return a * b + c; }
  static F fnma(F a, F b, F c) { return c - a * b; }
  static F abs(F a) { return std::bit_cast<F>(std::bit_cast<I>(a) & 0x7fffffff); }
  // The second operand if one of them is NaN.
  static F max(F a, F b) { return select(b < a, a, b); }
  static F min(F a, F b) { return select(a < b, a, b); }
  // For |a| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
  static F round(F a) { return (a + 0x1.8p23f) - 0x1.8p23f; }
  // a * 2^n for a whole n in [-160, 160] and 0.5 < a < 2: rounded once, subnormals and overflow as they should be.
  static F scale_by_power(F a, F n) {
    const I whole = std::bit_cast<I>(n + 0x1.8p23f) - std::bit_cast<int32_t>(0x1.8p23f);
    const I half = whole >> 1;
    return (a * power(half)) * power(whole - half);
  }
  static F power(I n) { return std::bit_cast<F>((n + 127) << 23); }  // 2^n, -126 <= n <= 127

  static M less(F a, F b) { return a < b; }
  static M less(I a, I b) { return a < b; }
  static M both(M a, M b) { return a & b; }
  static F select(M m, F yes, F no) {
    return std::bit_cast<F>((std::bit_cast<I>(yes) & m) | (std::bit_cast<I>(no) & ~m));
  }
  static I select(M m, I yes, I no) { return (yes & m) | (no & ~m); }

  static I set(int32_t x) { return I{x, x, x, x}; }
  static I lane_numbers() { return I{0, 1, 2, 3}; }
  static I add(I a, I b) { return a + b; }
  static void store(int32_t* p, I v) { std::memcpy(p, &v, sizeof(v)); }

  static float sum(F v) { return (v[0] + v[2]) + (v[1] + v[3]); }
  // NaN lanes may or may not count.
  static float largest(F v) {
    const float a = v[0] < v[1] ? v[1] : v[0];
    const float b = v[2] < v[3] ? v[3] : v[2];
    return a < b ? b : a;
  }

  static D zero_double() { return set_double(0.0); }
  static D low_double(F v) { return D{v[0], v[1]}; }
  static D high_double(F v) { return D{v[2], v[3]}; }
  static D set_double(double x) { return D{x, x}; }
  static D add(D a, D b) { return a + b; }
  static D sub(D a, D b) { return a - b; }
  static D fma(D a, D b, D c) { return a * b + c; }
  static double sum(D v) { return v[0] + v[1]; }

  static F load_f16(const uint16_t* p) {
    return F{f16_to_f32(p[0]), f16_to_f32(p[1]), f16_to_f32(p[2]), f16_to_f32(p[3])};
  }
  static void store_f16(uint16_t* p, F v) {
    for (size_t i = 0; i < kLanes; ++i) p[i] = f32_to_f16(v[i]);
  }
  static F load_bf16(const uint16_t* p) {
    return F{bf16_to_f32(p[0]), bf16_to_f32(p[1]), bf16_to_f32(p[2]), bf16_to_f32(p[3])};
  }
  static void store_bf16(uint16_t* p, F v) {
    for (size_t i = 0; i < kLanes; ++i) p[i] = f32_to_bf16(v[i]);
  }

  static F load_i8(const int8_t* p) {
    return F{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), static_cast<float>(p[3])};
  }
  // (p[i] >> shift) % 16 - 8
  static F load_nibbles(const uint8_t* p, unsigned shift) {
    const auto value = [&](size_t i) { return static_cast<float>((p[i] >> shift & 15) - 8); };
    return F{value(0), value(1), value(2), value(3)};
  }
  // The float32 whose bits are those of t, shifted 23 to the left.
  static F shift_to_exponent(F t) { return std::bit_cast<F>(std::bit_cast<I>(t) << 23); }

  // Pairs of neighbours (a0 a1)(a2 a3)...: swapped; and kLanes/2 values in memory, each twice.
  static F swap_pairs(F v) { return F{v[1], v[0], v[3], v[2]}; }
  static F load_twice(const float* p) { return F{p[0], p[0], p[1], p[1]}; }
  // (c0 a0 - s0 a1, c1 a1 + s1 a0, ...) of a, its swap_pairs, and cosines and sines twice.
  static F rotate(F a, F swapped, F cosine, F sine) {
    const F product = swapped * sine;
    return a * cosine + F{-product[0], product[1], -product[2], product[3]};
  }
};

}  // namespace
}  // namespace quipu::kernels
