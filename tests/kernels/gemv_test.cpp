// The fused few-token kernels of every instruction set of this machine, for every type, against float64 products.
#include <gtest/gtest.h>

#include <limits>

#include "tests/kernels/isas.h"
#include "tests/kernels/weights.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;
using test::AlignedBytes;
using test::Product;
using test::Weights;

constexpr float kSentinel = 123456.0f;

class GemvTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!test::has(GetParam())) GTEST_SKIP() << "this CPU has no " << isa_name(GetParam());
  }
  [[nodiscard]] const GemvKernels& gemv(TensorType type) const { return *kernels(GetParam()).gemv_for(type); }

  std::vector<float> normal(size_t n) {
    std::normal_distribution<float> distribution;
    std::vector<float> x(n);
    for (float& v : x) v = distribution(random_);
    return x;
  }

  std::mt19937 random_{20240608};
};

// y [n_tokens, n_rows + 1]; the last column is a sentinel.
std::vector<float> run(const GemvKernels& gemv, const Weights& w, size_t first_row, size_t n_rows, const float* x,
                       size_t n_tokens) {
  const size_t x_stride = gemv.packed_bytes(w.n_in());
  AlignedBytes packed(n_tokens * x_stride);
  for (size_t t = 0; t < n_tokens; ++t) gemv.pack_x(x + t * w.n_in(), w.n_in(), packed.data() + t * x_stride);
  std::vector<float> y(n_tokens * (n_rows + 1), kSentinel);
  gemv.multiply(w.rows(first_row, n_rows), packed.data(), x_stride, n_tokens, y.data(), n_rows + 1);
  return y;
}

// Float32 work: each of at least 8 parallel sums takes K / 8 roundings at most, and at most 12 more come within a group
// of a quantised type, each by u = 2^-24 of |scale q x| + |offset x|, which is at most 4 times the row's largest weight
// times x. Rounding x to 16 bits (quantised types): an error of x within half a step each way, that is a root mean
// square of step / sqrt(12) with step = max|x| / 32767; seven standard deviations of their sum.
double tolerance(const Product& p, const float* x, size_t n_in, bool quantised) {
  constexpr double kU = 0x1p-24;
  const double exact = (static_cast<double>(n_in) / 8 + 12) * kU * 4 * p.max_abs_w * p.sum_abs_x;
  double max_x = 0;
  for (size_t k = 0; k < n_in; ++k) max_x = std::max(max_x, std::abs(static_cast<double>(x[k])));
  return exact + (quantised ? 7 * max_x / 32767 * std::sqrt(p.sum_squares_w / 12) : 0);
}

TEST_P(GemvTest, every_type_agrees_with_float64_at_every_batch_and_place) {
  for (const TensorType type : test::matrix_types()) {
    const size_t block = quant::traits(type).block_elements;
    const GemvKernels& kernels = gemv(type);
    ASSERT_GE(kernels.max_tokens, 8u);
    for (const size_t n_in : {block, 2 * block, 3 * block, 5 * block, size_t{1536}}) {
      const Weights w(type, 11, n_in, random_);
      const std::vector<float> x = normal(kernels.max_tokens * n_in);
      const std::vector<float> whole = run(kernels, w, 0, 11, x.data(), kernels.max_tokens);
      for (size_t t = 0; t < kernels.max_tokens; ++t) {
        const float* xt = x.data() + t * n_in;
        for (size_t r = 0; r < 11; ++r) {
          const Product p = test::product(w.row(r), xt, n_in);
          ASSERT_NEAR(whole[t * 12 + r], p.value, tolerance(p, xt, n_in, block > 1))
              << quant::traits(type).name << " token " << t << " row " << r << " n_in " << n_in;
        }
        ASSERT_EQ(whole[t * 12 + 11], kSentinel);
      }
      for (size_t n = 1; n <= kernels.max_tokens; ++n) {
        for (const auto& [first, rows] : {std::pair<size_t, size_t>{0, 11}, {1, 1}, {3, 2}, {2, 7}}) {
          const std::vector<float> part = run(kernels, w, first, rows, x.data(), n);
          for (size_t t = 0; t < n; ++t) {
            for (size_t r = 0; r < rows; ++r) ASSERT_EQ(part[t * (rows + 1) + r], whole[t * 12 + first + r]);
          }
        }
      }
    }
  }
}

TEST_P(GemvTest, any_k_of_the_plain_types) {
  for (const TensorType type : {TensorType::F32, TensorType::F16, TensorType::BF16}) {
    for (size_t n_in = 1; n_in <= 97; ++n_in) {
      const Weights w(type, 5, n_in, random_);
      const std::vector<float> x = normal(2 * n_in);
      const std::vector<float> y = run(gemv(type), w, 0, 5, x.data(), 2);
      for (size_t i = 0; i < 10; ++i) {
        const float* xt = x.data() + i / 5 * n_in;
        const Product p = test::product(w.row(i % 5), xt, n_in);
        ASSERT_NEAR(y[i / 5 * 6 + i % 5], p.value, tolerance(p, xt, n_in, false)) << n_in;
      }
    }
  }
}

// The largest integers that the types can hold: 32-bit sums must not overflow.
TEST_P(GemvTest, extreme_integers) {
  for (const TensorType type : test::matrix_types()) {
    if (test::half_offsets(type).empty()) continue;
    for (const int fill : {0x00, 0xff, 0x80, 0x7f}) {
      const size_t n_in = 512;
      Weights w(type, 4, n_in, random_);
      w.fill(static_cast<std::byte>(fill));
      std::vector<float> x(n_in, 1.0f);
      for (const float sign : {1.0f, -1.0f}) {
        for (float& v : x) v = sign;
        const std::vector<float> y = run(gemv(type), w, 0, 4, x.data(), 1);
        const Product p = test::product(w.row(0), x.data(), n_in);
        for (size_t r = 0; r < 4; ++r) {
          ASSERT_NEAR(y[r], p.value, tolerance(p, x.data(), n_in, true)) << quant::traits(type).name << fill;
        }
      }
    }
  }
}

// x may be zero, tiny or huge.
TEST_P(GemvTest, magnitudes_of_x) {
  for (const TensorType type : test::matrix_types()) {
    const size_t n_in = 256;
    const Weights w(type, 3, n_in, random_);
    for (const float magnitude : {0.0f, 0x1p-140f, 0x1p-90f, 0x1p100f}) {
      std::vector<float> x = normal(n_in);
      for (float& v : x) v *= magnitude;
      const std::vector<float> y = run(gemv(type), w, 0, 3, x.data(), 1);
      for (size_t r = 0; r < 3; ++r) {
        const Product p = test::product(w.row(r), x.data(), n_in);
        // Below 2^-100 x counts as zero.
        const double lost = 256 * 0x1p-100 * p.max_abs_w;
        ASSERT_NEAR(y[r], p.value, tolerance(p, x.data(), n_in, true) + lost) << quant::traits(type).name << magnitude;
      }
    }
  }
}

// Nothing but the outputs that depend on it becomes NaN or infinite.
TEST_P(GemvTest, nan_and_infinity_stay_where_they_are) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const TensorType type : test::matrix_types()) {
    if (test::half_offsets(type).empty()) continue;
    const size_t n_in = 256;
    for (const float bad : {kInf, -kInf, kNan}) {
      for (size_t n_tokens = 2; n_tokens <= 8; ++n_tokens) {
        Weights w(type, 5, n_in, random_);
        w.set_half(2 * w.row_bytes() + test::half_offsets(type)[0], bad);
        w.decode();
        std::vector<float> x = normal(n_tokens * n_in);
        x[1 * n_in + 7] = bad;
        const std::vector<float> y = run(gemv(type), w, 0, 5, x.data(), n_tokens);
        for (size_t t = 0; t < n_tokens; ++t) {
          for (size_t r = 0; r < 5; ++r) {
            EXPECT_EQ(std::isfinite(y[t * 6 + r]), t != 1 && r != 2) << quant::traits(type).name << t << ' ' << r;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, GemvTest, testing::ValuesIn(all_isas().begin(), all_isas().end()),
                         [](const auto& instance) { return std::string(isa_name(instance.param)); });

}  // namespace
}  // namespace quipu::kernels
