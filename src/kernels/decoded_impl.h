// Types without an unpacker of their own: quant's reference codec decodes a block of K, and float32 kernels go on from
// there. Included by the folders of instruction sets, each with its own flags.
#pragma once

#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

// Columns k_begin ... k_end of up to kRows rows of any type, as rows of float32.
template <size_t kRows>
class DecodedBlock {
 public:
  // k_begin is a multiple of GemmKernels::kBlock, and k_end at most so much behind it. `decode` is the type's decoder.
  DecodedBlock(const WeightRows& w, size_t k_begin, size_t k_end, decltype(quant::TypeTraits::decode) decode) {
    const quant::TypeTraits& type = quant::traits(w.type);
    const std::byte* source = w.data + k_begin / type.block_elements * type.block_bytes;
    n_rows_ = w.n_rows < kRows ? w.n_rows : kRows;
    n_in_ = k_end - k_begin;
    for (size_t r = 0; r < n_rows_; ++r) decode(source + r * w.row_bytes, values_[r], n_in_);
  }
  [[nodiscard]] WeightRows rows() const {
    return {quant::TensorType::F32, reinterpret_cast<const std::byte*>(values_), sizeof(values_[0]), n_rows_, n_in_};
  }
  [[nodiscard]] const float* row(size_t r) const { return values_[r]; }

 private:
  alignas(64) float values_[kRows][GemmKernels::kBlock];
  size_t n_rows_, n_in_;
};

// Few tokens.
struct DecodedGemv {
  static constexpr size_t kMaxTokens = 8;
  // Sums of a row and token side by side, so that they fill vector registers.
  static constexpr size_t kLanes = 16;

  static size_t packed_bytes(size_t n_in) { return (n_in * sizeof(float) + 63) / 64 * 64; }

  static void pack_x(const float* x, size_t n_in, void* packed) {
    float* out = static_cast<float*>(packed);
    for (size_t k = 0; k < n_in; ++k) out[k] = x[k];
  }

  static void add_products(const float* w, const float* x, size_t n, float* sums) {
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) sums[j] += w[i + j] * x[i + j];
    }
    for (; i < n; ++i) sums[i % kLanes] += w[i] * x[i];
  }

  static void multiply(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y,
                       size_t y_stride) {
    constexpr size_t kBlock = GemmKernels::kBlock;
    for (size_t r = 0; r < w.n_rows; ++r) {
      const WeightRows row{w.type, w.data + r * w.row_bytes, w.row_bytes, 1, w.n_in};
      float sums[kMaxTokens][kLanes] = {};
      for (size_t k = 0; k < w.n_in; k += kBlock) {
        const size_t n = w.n_in - k < kBlock ? w.n_in - k : kBlock;
        const DecodedBlock<1> decoded(row, k, k + n, quant::traits(w.type).decode);
        for (size_t t = 0; t < n_tokens; ++t) {
          const auto* xt = reinterpret_cast<const float*>(static_cast<const std::byte*>(x) + t * x_stride);
          add_products(decoded.row(0), xt + k, n, sums[t]);
        }
      }
      for (size_t t = 0; t < n_tokens; ++t) {
        float sum = 0;
        for (const float s : sums[t]) sum += s;
        y[t * y_stride + r] = sum;
      }
    }
  }
};

inline constexpr GemvKernels kDecodedGemv = {DecodedGemv::kMaxTokens, DecodedGemv::packed_bytes, DecodedGemv::pack_x,
                                             DecodedGemv::multiply};

// For an instruction set to replace what it does better.
consteval GemvTable decoded_gemv_table() {
  GemvTable all{};
  for (const quant::TensorType type : kMatrixTypes) all[static_cast<size_t>(type)] = &kDecodedGemv;
  return all;
}

}  // namespace
}  // namespace quipu::kernels
