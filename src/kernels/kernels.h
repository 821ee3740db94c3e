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

// From weak to strong: for any processor, for x86-64, for ARM64. Names for --isa: as here.
enum class Isa : uint8_t {
  generic,
  avx2,
  avx_vnni,
  avx512,
  avx512_vnni,
  avx512_bf16,
  amx_bf16,
  neon,
  neon_dotprod,
  neon_i8mm,
  neon_bf16,
};
std::string_view isa_name(Isa isa);

// Types are looked up by their number in GGUF files; all are below this.
inline constexpr size_t kTypes = 64;

// Memory that is needed soon: n pieces of some bytes, a stride apart. Any address, since nothing is read. To be asked
// for evenly over what a kernel does meanwhile (ahead.h); may be left alone.
struct MemoryAhead {
  const std::byte* data = nullptr;
  size_t n = 0, stride = 0, bytes = 0;
};

// Some rows of a weight matrix.
struct WeightRows {
  quant::TensorType type = quant::TensorType::F32;
  const std::byte* data = nullptr;  // the first of these rows; any alignment
  size_t row_bytes = 0;             // distance of rows
  size_t n_rows = 0;
  size_t n_in = 0;  // K, a multiple of the type's block
  MemoryAhead ahead = {};
};

// One panel times some tokens: y[t * y_stride + r] = (accumulate ? y : 0) + sum over the panel's k of x * W.
struct PanelProduct {
  const void* panel = nullptr;  // as unpack_panel wrote it; 64-byte aligned
  size_t n_k = 0;               // its k_end - k_begin
  size_t n_rows = 0;            // values to write a token, <= panel_rows
  const void* x = nullptr;      // packed x of token 0 at the panel's k_begin: k_begin / kBlock blocks behind its start
  size_t x_stride = 0;          // bytes between tokens, a multiple of 64
  size_t n_tokens = 0;          // any number
  float* y = nullptr;
  size_t y_stride = 0;  // in floats
  bool accumulate = false;
  MemoryAhead ahead = {};
};

// Many tokens (prefill): unpack a panel of weights once into cache, multiply it with every token.
// K is cut into blocks of kBlock (the last may be short); panels and packed x are sequences of such blocks, in a layout
// of the kernel's own. Rows beyond n_rows and k beyond n_in are zeros. The sum over k runs in the same order for every
// output whatever n_tokens and n_rows are, so a result depends only on where K is split into panels.
struct GemmKernels {
  static constexpr size_t kBlock = 256;

  // What x and the weights are rounded to before they are multiplied; sums are float32.
  enum class Operands : uint8_t {
    float32,
    bfloat16,
    bfloat16x2,  // each number is the sum of two bfloat16
    int16,       // x: to 16 bits with a scale for each 256; weights are exact
    int8,        // x: to 8 bits with a scale for each 32, but for the largest of each 256; weights are exact
  };
  Operands operands = Operands::float32;

  // With fewer tokens the fused kernels are faster: they unpack in registers what a panel takes through memory.
  size_t min_tokens = 9;
  size_t panel_rows = 0;
  size_t panel_block_bytes = 0;  // of a panel, for one block of K
  size_t x_block_bytes = 0;      // of one token's packed x, for one block of K

  // One token's x [n_in], finite or not, to x_bytes(n_in) bytes at `packed` (64-byte aligned).
  void (*pack_x)(const float* x, size_t n_in, void* packed) = nullptr;
  // W[0..n_rows)[k_begin..k_end) to `panel`; 1 <= n_rows <= panel_rows; k_begin is a multiple of kBlock and k_end is
  // one too or n_in.
  void (*unpack_panel)(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) = nullptr;
  void (*multiply)(const PanelProduct& product) = nullptr;

  static constexpr size_t blocks(size_t n_k) { return (n_k + kBlock - 1) / kBlock; }
  [[nodiscard]] constexpr size_t panel_bytes(size_t n_k) const { return blocks(n_k) * panel_block_bytes; }
  [[nodiscard]] constexpr size_t x_bytes(size_t n_in) const { return blocks(n_in) * x_block_bytes; }
  // The best distance of tokens: an odd number of cache lines, so that tokens do not compete for the same cache sets.
  [[nodiscard]] constexpr size_t x_stride(size_t n_in) const { return ((x_bytes(n_in) + 63) / 64 | 1) * 64; }
};

// Few tokens (generation), for one type: a fused kernel that streams the weights once for all tokens.
struct GemvKernels {
  size_t max_tokens = 0;                          // of one call of multiply
  size_t (*packed_bytes)(size_t n_in) = nullptr;  // of one token's packed x, a multiple of 64
  // One token's x [n_in], finite or not, to `packed` (64-byte aligned). Types with the same pack_x share a packed x.
  void (*pack_x)(const float* x, size_t n_in, void* packed) = nullptr;
  // y[t * y_stride + r] for the rows of w and 1 <= n_tokens <= max_tokens; tokens' packed x are x_stride bytes apart.
  // A result depends neither on n_tokens nor on which other rows are in w.
  void (*multiply)(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y,
                   size_t y_stride) = nullptr;
};

struct VectorKernels;     // vector.h: norms, RoPE, activations, conversions
struct AttentionKernels;  // attention.h

struct Kernels {
  Isa isa = Isa::generic;
  // The fastest that is exact enough (docs/ARCHITECTURE.md, 'Exactness'), by TensorType number; null for types that
  // have no kernel. Types with the same pack_x share one packed x and have the same panel_rows.
  std::array<const GemmKernels*, kTypes> gemm{};
  const GemmKernels* gemm_precise = nullptr;      // float32 throughout, for --precise; every type
  std::array<const GemvKernels*, kTypes> gemv{};  // by TensorType number; null: use gemm
  const VectorKernels* vector = nullptr;
  const AttentionKernels* attention = nullptr;

  [[nodiscard]] const GemmKernels* gemm_for(quant::TensorType type) const { return gemm[static_cast<size_t>(type)]; }
  [[nodiscard]] const GemvKernels* gemv_for(quant::TensorType type) const { return gemv[static_cast<size_t>(type)]; }
};

// The table of an instruction set. Calling into one that the CPU lacks is the caller's mistake.
const Kernels& kernels(Isa isa);
// Those that this build has, from weak to strong. Which of them the CPU has is platform::cpu_features()'s to say.
std::span<const Isa> all_isas();

}  // namespace quipu::kernels
