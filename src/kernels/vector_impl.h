// The functions of VectorKernels over the primitives `S` of one instruction set (ISA/simd.h). Everything is in an
// unnamed namespace, so that each ISA/vector.cpp has its own copy, compiled with its own flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/exp_impl.h"
#include "kernels/vector.h"

namespace quipu::kernels {
namespace {

template <class S>
struct VectorOps {
  using F = typename S::F;
  using I = typename S::I;
  using M = typename S::M;
  using D = typename S::D;
  static constexpr size_t kLanes = S::kLanes;

  static M first_lanes(size_t n) { return S::less(S::lane_numbers(), S::set(static_cast<int32_t>(n))); }

  template <class Function>
  static void map(const float* x, float* y, size_t n, Function f) {
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) S::store(y + i, f(S::load(x + i)));
    if (i < n) S::store_part(y + i, f(S::load_part(x + i, n - i)), n - i);
  }
  template <class Function>
  static void map(const float* a, const float* b, float* y, size_t n, Function f) {
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) S::store(y + i, f(S::load(a + i), S::load(b + i)));
    if (i < n) S::store_part(y + i, f(S::load_part(a + i, n - i), S::load_part(b + i, n - i)), n - i);
  }
  // Sum over i of f(x[i]) in float64; f(0) must be 0.
  template <class Function>
  static double sum_double(const float* x, size_t n, Function f) {
    D low = S::zero_double(), high = S::zero_double();
    const auto take = [&](F v) {
      low = f(S::low_double(v), low);
      high = f(S::high_double(v), high);
    };
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) take(S::load(x + i));
    if (i < n) take(S::load_part(x + i, n - i));
    return S::sum(S::add(low, high));
  }

  static void rms_norm(const float* x, const float* weight, float eps, float* y, size_t n) {
    const double squares = sum_double(x, n, [](D v, D sum) { return S::fma(v, v, sum); });
    const double mean = squares / static_cast<double>(n);
    const F factor = S::set(static_cast<float>(1.0 / __builtin_sqrt(mean + static_cast<double>(eps))));
    map(x, weight, y, n, [&](F v, F w) { return S::mul(S::mul(v, factor), w); });
  }

  static void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y, size_t n) {
    const double mean = sum_double(x, n, [](D v, D sum) { return S::add(v, sum); }) / static_cast<double>(n);
    const D mean_lanes = S::set_double(mean);
    double squares = sum_double(x, n, [&](D v, D sum) {
      const D distance = S::sub(v, mean_lanes);
      return S::fma(distance, distance, sum);
    });
    // the lanes that load_part filled with zeros lie `mean` away from it
    squares -= static_cast<double>((kLanes - n % kLanes) % kLanes) * mean * mean;
    const double variance = squares > 0 || squares != squares ? squares / static_cast<double>(n) : 0.0;
    const F factor = S::set(static_cast<float>(1.0 / __builtin_sqrt(variance + static_cast<double>(eps))));
    // the mean in two parts, so that x - mean keeps its digits when the mean is far from zero
    const float mean_high = static_cast<float>(mean);
    const F high = S::set(mean_high), low = S::set(static_cast<float>(mean - static_cast<double>(mean_high)));
    const auto normalised = [&](F v) { return S::mul(S::sub(S::sub(v, high), low), factor); };
    map(x, weight, y, n, [&](F v, F w) { return S::mul(normalised(v), w); });
    if (bias != nullptr) add(y, bias, y, n);
  }

  static void add(const float* a, const float* b, float* y, size_t n) {
    map(a, b, y, n, [](F u, F v) { return S::add(u, v); });
  }
  static void add_scaled(float a, const float* x, float* y, size_t n) {
    const F factor = S::set(a);
    map(x, y, y, n, [&](F u, F v) { return S::fma(factor, u, v); });
  }
  static void add_bias(float* x, size_t stride, size_t n_rows, const float* bias, size_t n) {
    for (size_t r = 0; r < n_rows; ++r) add(x + r * stride, bias, x + r * stride, n);
  }
  static void scale(const float* x, float factor, float* y, size_t n) {
    const F lanes = S::set(factor);
    map(x, y, n, [&](F v) { return S::mul(v, lanes); });
  }
  static void multiply(const float* a, const float* b, float* y, size_t n) {
    map(a, b, y, n, [](F u, F v) { return S::mul(u, v); });
  }

  template <class Function>
  static void gated(const float* gate, const float* up, float* y, size_t n, Function f) {
    if (up == nullptr) {
      map(gate, y, n, f);
    } else {
      map(gate, up, y, n, [&](F g, F u) { return S::mul(f(g), u); });
    }
  }
  // x * sigmoid(v)
  static F times_sigmoid(F x, F v) { return S::div(x, S::add(S::set(1.0f), exp_lanes<S>(S::sub(S::zero(), v)))); }
  static void silu(const float* gate, const float* up, float* y, size_t n) {
    gated(gate, up, y, n, [](F x) { return times_sigmoid(x, x); });
  }
  static void gelu_tanh(const float* gate, const float* up, float* y, size_t n) {
    // (1 + tanh(u)) / 2 = sigmoid(2u)
    constexpr float kTwoRootTwoOverPi = 1.5957691216057308f;
    gated(gate, up, y, n, [](F x) {
      const F cubic = S::fma(S::mul(S::set(0.044715f), S::mul(x, x)), x, x);
      return times_sigmoid(x, S::mul(S::set(kTwoRootTwoOverPi), cubic));
    });
  }
  static void gelu_erf(const float* gate, const float* up, float* y, size_t n) {
    gated(gate, up, y, n, [](F x) { return S::mul(x, normal_cdf_lanes<S>(x)); });
  }

  static void rope_adjacent(float* x, size_t head_stride, size_t n_heads, const float* cosines, const float* sines,
                            size_t n_rot) {
    for (size_t h = 0; h < n_heads; ++h) {
      float* head = x + h * head_stride;
      size_t i = 0;
      for (; i + kLanes <= n_rot; i += kLanes) {
        const F v = S::load(head + i);
        S::store(head + i,
                 S::rotate(v, S::swap_pairs(v), S::load_twice(cosines + i / 2), S::load_twice(sines + i / 2)));
      }
      for (; i < n_rot; i += 2) {
        const float a = head[i], b = head[i + 1], c = cosines[i / 2], s = sines[i / 2];
        head[i] = a * c - b * s;
        head[i + 1] = b * c + a * s;
      }
    }
  }
  static void rope_halves(float* x, size_t head_stride, size_t n_heads, const float* cosines, const float* sines,
                          size_t n_rot) {
    const size_t half = n_rot / 2;
    for (size_t h = 0; h < n_heads; ++h) {
      float* low = x + h * head_stride;
      float* high = low + half;
      size_t i = 0;
      for (; i + kLanes <= half; i += kLanes) {
        const F a = S::load(low + i), b = S::load(high + i), c = S::load(cosines + i), s = S::load(sines + i);
        S::store(low + i, S::fnma(b, s, S::mul(a, c)));
        S::store(high + i, S::fma(a, s, S::mul(b, c)));
      }
      for (; i < half; ++i) {
        const float a = low[i], b = high[i], c = cosines[i], s = sines[i];
        low[i] = a * c - b * s;
        high[i] = b * c + a * s;
      }
    }
  }

  static float largest(const float* x, size_t n) {
    F best = S::set(-__builtin_inff());
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) best = S::max(S::load(x + i), best);
    if (i < n) best = S::max(S::select(first_lanes(n - i), S::load_part(x + i, n - i), best), best);
    return S::largest(best);
  }
  static void softmax(const float* x, float* y, size_t n) {
    const F max = S::set(largest(x, n));
    D low = S::zero_double(), high = S::zero_double();
    const auto take = [&](F v, M lanes) {
      const F e = S::select(lanes, exp_lanes<S>(S::sub(v, max)), S::zero());
      low = S::add(low, S::low_double(e));
      high = S::add(high, S::high_double(e));
      return e;
    };
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) S::store(y + i, take(S::load(x + i), first_lanes(kLanes)));
    if (i < n) S::store_part(y + i, take(S::load_part(x + i, n - i), first_lanes(n - i)), n - i);
    scale(y, static_cast<float>(1.0 / S::sum(S::add(low, high))), y, n);
  }
  static void exp(const float* x, float* y, size_t n) { map(x, y, n, exp_lanes<S>); }

  static size_t argmax(const float* x, size_t n) {
    F best = S::set(-__builtin_inff());
    I best_at = S::set(0), at = S::lane_numbers();
    const auto take = [&](F v) {
      const M better = S::less(best, v);
      best = S::select(better, v, best);
      best_at = S::select(better, at, best_at);
      at = S::add(at, S::set(static_cast<int32_t>(kLanes)));
    };
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) take(S::load(x + i));
    if (i < n) take(S::select(first_lanes(n - i), S::load_part(x + i, n - i), S::set(-__builtin_inff())));
    const float max = S::largest(best);
    if (max == -__builtin_inff()) {
      for (size_t k = 0; k < n; ++k) {
        if (x[k] == max) return k;
      }
      return 0;
    }
    float values[kLanes];
    int32_t places[kLanes];
    S::store(values, best);
    S::store(places, best_at);
    size_t place = n;
    for (size_t k = 0; k < kLanes; ++k) {
      if (values[k] == max && static_cast<size_t>(places[k]) < place) place = static_cast<size_t>(places[k]);
    }
    return place;
  }

  static float dot(const float* a, const float* b, size_t n) {
    F s0 = S::zero(), s1 = S::zero(), s2 = S::zero(), s3 = S::zero();
    size_t i = 0;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      s0 = S::fma(S::load(a + i), S::load(b + i), s0);
      s1 = S::fma(S::load(a + i + kLanes), S::load(b + i + kLanes), s1);
      s2 = S::fma(S::load(a + i + 2 * kLanes), S::load(b + i + 2 * kLanes), s2);
      s3 = S::fma(S::load(a + i + 3 * kLanes), S::load(b + i + 3 * kLanes), s3);
    }
    for (; i + kLanes <= n; i += kLanes) s0 = S::fma(S::load(a + i), S::load(b + i), s0);
    if (i < n) s1 = S::fma(S::load_part(a + i, n - i), S::load_part(b + i, n - i), s1);
    return S::sum(S::add(S::add(s0, s1), S::add(s2, s3)));
  }

  // Calls f(offset) for each whole group of lanes, then does the rest in a buffer.
  template <class From, class To, class Function>
  static void convert(const From* x, To* y, size_t n, Function f) {
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) f(x + i, y + i);
    if (i == n) return;
    From source[kLanes] = {};
    To target[kLanes];
    for (size_t k = 0; i + k < n; ++k) source[k] = x[i + k];
    f(source, target);
    for (size_t k = 0; i + k < n; ++k) y[i + k] = target[k];
  }
  static void f16_to_f32(const uint16_t* x, float* y, size_t n) {
    convert(x, y, n, [](const uint16_t* p, float* q) { S::store(q, S::load_f16(p)); });
  }
  static void f32_to_f16(const float* x, uint16_t* y, size_t n) {
    convert(x, y, n, [](const float* p, uint16_t* q) { S::store_f16(q, S::load(p)); });
  }
  static void bf16_to_f32(const uint16_t* x, float* y, size_t n) {
    convert(x, y, n, [](const uint16_t* p, float* q) { S::store(q, S::load_bf16(p)); });
  }
  static void f32_to_bf16(const float* x, uint16_t* y, size_t n) {
    convert(x, y, n, [](const float* p, uint16_t* q) { S::store_bf16(q, S::load(p)); });
  }

  static constexpr VectorKernels table() {
    return {.rms_norm = rms_norm,
            .layer_norm = layer_norm,
            .add = add,
            .add_scaled = add_scaled,
            .add_bias = add_bias,
            .scale = scale,
            .multiply = multiply,
            .silu = silu,
            .gelu_tanh = gelu_tanh,
            .gelu_erf = gelu_erf,
            .rope_adjacent = rope_adjacent,
            .rope_halves = rope_halves,
            .softmax = softmax,
            .exp = exp,
            .argmax = argmax,
            .dot = dot,
            .f16_to_f32 = f16_to_f32,
            .f32_to_f16 = f32_to_f16,
            .bf16_to_f32 = bf16_to_f32,
            .f32_to_bf16 = f32_to_bf16};
  }
};

}  // namespace
}  // namespace quipu::kernels
