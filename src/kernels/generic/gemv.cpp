// Few tokens in plain C++: rows are decoded block by block and multiplied in float32.
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

constexpr size_t kMaxTokens = 8;
constexpr size_t kBlock = 256;
// Sums of a row and token side by side, so that they fill vector registers.
constexpr size_t kLanes = 16;

size_t packed_bytes(size_t n_in) {
  return (n_in * sizeof(float) + 63) / 64 * 64;
}

void pack_x(const float* x, size_t n_in, void* packed) {
  float* out = static_cast<float*>(packed);
  for (size_t k = 0; k < n_in; ++k) out[k] = x[k];
}

void add_products(const float* w, const float* x, size_t n, float* sums) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) sums[j] += w[i + j] * x[i + j];
  }
  for (; i < n; ++i) sums[i % kLanes] += w[i] * x[i];
}

void multiply(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y, size_t y_stride) {
  const quant::TypeTraits& type = quant::traits(w.type);
  for (size_t r = 0; r < w.n_rows; ++r) {
    float sums[kMaxTokens][kLanes] = {};
    for (size_t k = 0; k < w.n_in; k += kBlock) {
      const size_t n = w.n_in - k < kBlock ? w.n_in - k : kBlock;
      float decoded[kBlock];
      type.decode(w.data + r * w.row_bytes + k / type.block_elements * type.block_bytes, decoded, n);
      for (size_t t = 0; t < n_tokens; ++t) {
        const auto* xt = reinterpret_cast<const float*>(static_cast<const std::byte*>(x) + t * x_stride);
        add_products(decoded, xt + k, n, sums[t]);
      }
    }
    for (size_t t = 0; t < n_tokens; ++t) {
      float sum = 0;
      for (const float s : sums[t]) sum += s;
      y[t * y_stride + r] = sum;
    }
  }
}

constexpr GemvKernels kGemv = {kMaxTokens, packed_bytes, pack_x, multiply};

consteval GemvTable table() {
  GemvTable all{};
  for (const quant::TensorType type : kMatrixTypes) all[static_cast<size_t>(type)] = &kGemv;
  return all;
}

}  // namespace

constinit const GemvTable generic::gemv = table();

}  // namespace quipu::kernels
