// Element-wise and row-wise leaf functions over float32 vectors: norms, RoPE, activations, softmax, conversions.
//
// Leaf: no threads, no allocation, no input or output; any thread may call with its own data. No alignment is asked
// for. n may be 0 unless said otherwise. A target may be the same pointer as a source of the same element type, but
// must not overlap it in part. NaN in gives NaN out in the places that depend on it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {

enum class Isa : uint8_t;

struct VectorKernels {
  // y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]; sums in float64. Zhang & Sennrich 2019. n > 0.
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, size_t n) = nullptr;
  // y[i] = (x[i] - mean) / sqrt(variance + eps) * weight[i] + bias[i]; sums in float64, two passes. `bias` may be
  // null. Ba, Kiros, Hinton 2016. n > 0.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* y, size_t n) = nullptr;

  void (*add)(const float* a, const float* b, float* y, size_t n) = nullptr;
  // y[i] += a * x[i]
  void (*add_scaled)(float a, const float* x, float* y, size_t n) = nullptr;
  // x[r][i] += bias[i]: rows `stride` floats apart.
  void (*add_bias)(float* x, size_t stride, size_t n_rows, const float* bias, size_t n) = nullptr;
  void (*scale)(const float* x, float factor, float* y, size_t n) = nullptr;
  void (*multiply)(const float* a, const float* b, float* y, size_t n) = nullptr;

  // y = f(gate) * up; `up` null stands for ones. An f(gate) below 2^-121 in magnitude may come out as 0.
  using Gated = void (*)(const float* gate, const float* up, float* y, size_t n);
  Gated silu = nullptr;       // f(x) = x / (1 + exp(-x))
  Gated gelu_tanh = nullptr;  // f(x) = x / 2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))). Hendrycks & Gimpel 2016
  Gated gelu_erf = nullptr;   // f(x) = x / 2 * (1 + erf(x / sqrt(2)))

  // Rotates the first n_rot (even) of each head's values in place by the angles whose cosines and sines are given,
  // [n_rot / 2] each, one per pair; heads are `head_stride` floats apart. Su et al. 2021.
  using Rope = void (*)(float* x, size_t head_stride, size_t n_heads, const float* cosines, const float* sines,
                        size_t n_rot);
  Rope rope_adjacent = nullptr;  // pairs (x[2i], x[2i+1]): GGUF files of the Llama family, GPT-J
  Rope rope_halves = nullptr;    // pairs (x[i], x[i + n_rot/2]): GPT-NeoX, Qwen, Gemma

  // y = exp(x - max) / sum. All of -inf, a NaN or +inf in x give NaN everywhere. n > 0.
  void (*softmax)(const float* x, float* y, size_t n) = nullptr;
  void (*exp)(const float* x, float* y, size_t n) = nullptr;
  // The first index of the largest; NaNs are skipped. 0 if there is nothing but NaN. 0 < n < 2^31.
  size_t (*argmax)(const float* x, size_t n) = nullptr;
  float (*dot)(const float* a, const float* b, size_t n) = nullptr;

  // As base/float16.h, bit for bit: nearest even, quiet NaN, subnormals kept.
  void (*f16_to_f32)(const uint16_t* x, float* y, size_t n) = nullptr;
  void (*f32_to_f16)(const float* x, uint16_t* y, size_t n) = nullptr;
  void (*bf16_to_f32)(const uint16_t* x, float* y, size_t n) = nullptr;
  void (*f32_to_bf16)(const float* x, uint16_t* y, size_t n) = nullptr;
};

// The table of an instruction set. Calling into one that the CPU lacks is the caller's mistake. The stronger ones
// than avx512 share its table, those than neon that one's.
const VectorKernels& vector_kernels(Isa isa);

namespace generic {
extern const VectorKernels kVector;
}
namespace avx2 {
extern const VectorKernels kVector;
}
namespace avx512 {
extern const VectorKernels kVector;
}
namespace neon {
extern const VectorKernels kVector;
}

}  // namespace quipu::kernels
