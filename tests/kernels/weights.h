// Random weights of every type, their float32 values and float64 products: what the matrix kernels are tested against.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "base/float16.h"
#include "kernels/kernels.h"
#include "quant/types.h"

namespace quipu::kernels::test {

using quant::TensorType;

inline std::vector<TensorType> matrix_types() {
  using enum TensorType;
  return {F32,   F16,     BF16,   Q8_0,  Q4_0,    Q4_1,  Q5_0,   Q5_1,   Q2_K,  Q3_K,  Q4_K,  Q5_K,  Q6_K, Q8_K, IQ1_S,
          IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0};
}

// Where the binary16 scales of a block stand; the other bytes may have any value.
inline std::vector<size_t> half_offsets(TensorType type) {
  switch (type) {
    case TensorType::Q8_0:
    case TensorType::Q4_0:
    case TensorType::Q5_0:
    case TensorType::IQ1_S:
    case TensorType::IQ2_XXS:
    case TensorType::IQ2_XS:
    case TensorType::IQ2_S:
    case TensorType::IQ3_XXS:
    case TensorType::IQ3_S:
    case TensorType::IQ4_NL:
    case TensorType::IQ4_XS:
    case TensorType::Q1_0:
    case TensorType::Q2_0:
      return {0};
    case TensorType::TQ1_0:
      return {52};
    case TensorType::TQ2_0:
      return {64};
    case TensorType::Q4_1:
    case TensorType::Q5_1:
    case TensorType::Q4_K:
    case TensorType::Q5_K:
      return {0, 2};
    case TensorType::Q2_K:
      return {80, 82};
    case TensorType::Q3_K:
      return {108};
    case TensorType::Q6_K:
      return {208};
    default:
      return {};
  }
}

// A matrix [n_out, n_in] whose quantised blocks have random bits and scales of random sign, or, where half_offsets
// knows none, are those of random numbers.
class Weights {
 public:
  Weights(TensorType type, size_t n_out, size_t n_in, std::mt19937& random)
      : type_(type), n_out_(n_out), n_in_(n_in), row_bytes_(*quant::row_bytes(type, n_in)) {
    const quant::TypeTraits& traits = quant::traits(type);
    std::normal_distribution<float> normal;
    // One byte in front, so that rows have odd addresses, as in a mapped file.
    bytes_.resize(1 + n_out * row_bytes_);
    if (half_offsets(type).empty()) {
      std::vector<float> row(n_in);
      for (size_t r = 0; r < n_out; ++r) {
        for (float& v : row) v = normal(random);
        traits.encode(row.data(), bytes_.data() + 1 + r * row_bytes_, n_in);
      }
    } else {
      for (std::byte& b : bytes_) b = static_cast<std::byte>(random());
      for (size_t i = 1; i < bytes_.size(); i += traits.block_bytes) {
        for (const size_t offset : half_offsets(type)) set_half(i - 1 + offset, normal(random) * 0.1f);
      }
    }
    values_.resize(n_out * n_in);
    decode();
  }

  // Writes a binary16 at a byte offset of the data, and decodes again on the next call of decode().
  void set_half(size_t offset, float value) {
    const uint16_t bits = f32_to_f16(value);
    std::memcpy(bytes_.data() + 1 + offset, &bits, sizeof bits);
  }
  // Every byte of the blocks but their scales, which become 1.
  void fill(std::byte value) {
    std::fill(bytes_.begin(), bytes_.end(), value);
    for (size_t i = 0; i + 1 < bytes_.size(); i += quant::traits(type_).block_bytes) {
      for (const size_t offset : half_offsets(type_)) set_half(i + offset, 1.0f);
    }
    decode();
  }
  void decode() {
    for (size_t r = 0; r < n_out_; ++r) {
      quant::traits(type_).decode(bytes_.data() + 1 + r * row_bytes_, values_.data() + r * n_in_, n_in_);
    }
  }

  [[nodiscard]] WeightRows rows(size_t begin, size_t n) const {
    return {type_, bytes_.data() + 1 + begin * row_bytes_, row_bytes_, n, n_in_};
  }
  [[nodiscard]] const float* row(size_t r) const { return values_.data() + r * n_in_; }
  [[nodiscard]] size_t n_out() const { return n_out_; }
  [[nodiscard]] size_t n_in() const { return n_in_; }
  [[nodiscard]] TensorType type() const { return type_; }
  [[nodiscard]] size_t row_bytes() const { return row_bytes_; }

 private:
  TensorType type_;
  size_t n_out_, n_in_, row_bytes_;
  std::vector<std::byte> bytes_;
  std::vector<float> values_;
};

// One output in float64, with what error bounds are made of.
struct Product {
  double value = 0;
  double sum_abs = 0;        // sum of |x w|
  double sum_squares = 0;    // sum of (x w)^2
  double sum_abs_x = 0;      // sum of |x|
  double sum_squares_w = 0;  // sum of w^2
  double max_abs_w = 0;
  double max_abs_x = 0;
};

inline Product product(const float* w, const float* x, size_t n) {
  Product p;
  for (size_t i = 0; i < n; ++i) {
    const double xw = static_cast<double>(w[i]) * static_cast<double>(x[i]);
    p.value += xw;
    p.sum_abs += std::abs(xw);
    p.sum_squares += xw * xw;
    p.sum_abs_x += std::abs(static_cast<double>(x[i]));
    p.sum_squares_w += static_cast<double>(w[i]) * static_cast<double>(w[i]);
    p.max_abs_w = std::max(p.max_abs_w, std::abs(static_cast<double>(w[i])));
    p.max_abs_x = std::max(p.max_abs_x, std::abs(static_cast<double>(x[i])));
  }
  return p;
}

// Storage aligned to cache lines.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t n) : bytes_(n + 64) {
    const auto address = reinterpret_cast<uintptr_t>(bytes_.data());
    data_ = bytes_.data() + (64 - address % 64) % 64;
  }
  [[nodiscard]] std::byte* data() { return data_; }

 private:
  std::vector<std::byte> bytes_;
  std::byte* data_;
};

}  // namespace quipu::kernels::test
