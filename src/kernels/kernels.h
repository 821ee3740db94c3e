// The table of leaf functions that one instruction set offers. Leaf: no threads, no allocation, no input or output.
// src/kernels/ISA/*.cpp fill a table each; backend/cpu picks one and splits the work among threads.
//
// A linear layer computes y[t][r] = sum over k of x[t][k] * W[r][k]: x is [n_tokens, n_in] float32, W is
// [n_out, n_in] in any tensor type, rows mapped from the file, y is [n_tokens, n_out] float32.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "quant/types.h"

namespace quipu::kernels {

// From weak to strong. Names for --isa: as here.
enum class Isa : uint8_t { generic, avx2, avx512, avx512_vnni, avx512_bf16 };
std::string_view isa_name(Isa isa);

// Some rows of a weight matrix.
struct WeightRows {
  quant::TensorType type = quant::TensorType::F32;
  const std::byte* data = nullptr;  // the first of these rows
  size_t row_bytes = 0;             // distance of rows
  size_t n_rows = 0;
  size_t n_in = 0;  // K, a multiple of the type's block
};

// Many tokens (prefill): unpack a panel of weights once into cache, multiply it with every token.
// A panel holds `panel_rows` rows for a range of K, as `element_bytes`-wide elements, interleaved for the multiply
// kernel; rows beyond n_rows and k beyond n_in are zeros. For a given kernel the sum over k runs in the same order
// for every output whatever n_tokens is, so results do not depend on the batch.
struct GemmKernels {
  size_t panel_rows = 0;
  size_t element_bytes = 0;  // of x and panel: 4 float32, 2 bfloat16
  size_t k_multiple = 1;     // ranges of K in a panel are padded to a multiple of this

  // One token's x [n_in] to packed [n_in padded to k_multiple] elements; the padding is zeros.
  void (*pack_x)(const float* x, size_t n_in, void* packed) = nullptr;
  // W[0..n_rows)[k_begin..k_end) to `panel`; n_rows <= panel_rows; k_begin is a multiple of 256.
  void (*unpack_panel)(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) = nullptr;
  // y[t * y_stride + r] = (accumulate ? y : 0) + sum over this panel's k. `x` points at the panel's first k of
  // token 0; tokens are x_stride bytes apart. Writes n_rows (<= panel_rows) values a token.
  void (*multiply)(const void* panel, size_t k_padded, const void* x, size_t x_stride, size_t n_tokens, float* y,
                   size_t y_stride, size_t n_rows, bool accumulate) = nullptr;
};

// Few tokens (generation): a fused kernel per type that streams the weights once for all tokens.
struct GemvKernels {
  using Multiply = void (*)(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y,
                            size_t y_stride);
  static constexpr size_t kTypes = 64;

  size_t max_tokens = 0;  // per call
  size_t (*packed_bytes)(size_t n_in) = nullptr;
  void (*pack_x)(const float* x, size_t n_in, void* packed) = nullptr;  // one format for all types
  std::array<Multiply, kTypes> multiply{};                              // by TensorType number; null: use GemmKernels
};

struct VectorKernels;     // vector.h: norms, RoPE, activations, conversions
struct AttentionKernels;  // attention.h

struct Kernels {
  Isa isa = Isa::generic;
  GemmKernels gemm;          // the fastest that is exact enough (docs/ARCHITECTURE.md, 'Exactness')
  GemmKernels gemm_precise;  // float32 throughout, for --precise
  GemvKernels gemv;
  const VectorKernels* vector = nullptr;
  const AttentionKernels* attention = nullptr;
};

// The table of an instruction set. Calling into one that the CPU lacks is the caller's mistake.
const Kernels& kernels(Isa isa);
std::span<const Isa> all_isas();

}  // namespace quipu::kernels
