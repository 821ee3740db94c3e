// VectorKernels of every instruction set of this machine against the formulas in float64.
// u is half a unit in the last place, 2^-24: the largest relative error of one rounded float32 operation. A bound of
// `k u` counts the roundings on the way; 2^-149, the least subnormal, covers results that underflow.
#include "kernels/vector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/float16.h"
#include "tests/kernels/isas.h"

namespace quipu::kernels {
namespace {

constexpr double kU = 0x1p-24;
constexpr double kLeast = 0x1p-149;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kSentinel = 123456.0f;
// exp_lanes: polynomial 0.3 u, reduction 0.35 u, its two last steps 0.35 u and u, their products 0.5 u without FMA
constexpr double kExpError = 3 * kU;

std::vector<size_t> sizes() {
  std::vector<size_t> all;
  for (size_t n = 1; n <= 70; ++n) all.push_back(n);
  all.insert(all.end(), {576, 1536, 4097});
  return all;
}

class VectorTest : public testing::TestWithParam<Isa> {
 protected:
  const VectorKernels& kernels_ = vector_kernels(GetParam());
  std::mt19937 random_{12345};

  std::vector<float> normal(size_t n, float spread = 1.0f, float mean = 0.0f) {
    std::normal_distribution<float> distribution(mean, spread);
    std::vector<float> x(n);
    for (float& v : x) v = distribution(random_);
    return x;
  }
  // Room for n values and a sentinel behind them.
  static std::vector<float> target(size_t n) { return std::vector<float>(n + 1, kSentinel); }
};

void expect_near(double actual, double expected, double tolerance, size_t n, size_t i) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << "n " << n << " i " << i;
  } else if (std::isinf(expected)) {
    EXPECT_EQ(actual, expected) << "n " << n << " i " << i;
  } else {
    EXPECT_NEAR(actual, expected, tolerance) << "n " << n << " i " << i;
  }
}

TEST_P(VectorTest, RmsNorm) {
  for (size_t n : sizes()) {
    const auto x = normal(n, 3.0f, 1.0f), w = normal(n);
    auto y = target(n);
    kernels_.rms_norm(x.data(), w.data(), 1e-5f, y.data(), n);
    double squares = 0;
    for (float v : x) squares += static_cast<double>(v) * v;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(1e-5f));
    for (size_t i = 0; i < n; ++i) {  // factor, two products
      const double expected = x[i] * factor * w[i];
      expect_near(y[i], expected, 3.01 * kU * std::abs(expected), n, i);
    }
    EXPECT_EQ(y[n], kSentinel);
  }
}

TEST_P(VectorTest, RmsNormOfZerosAndOfHugeValues) {
  const std::vector<float> zeros(40, 0.0f), huge(40, 3e38f), ones(40, 1.0f);
  std::vector<float> y(40);
  kernels_.rms_norm(zeros.data(), ones.data(), 1e-5f, y.data(), 40);
  EXPECT_EQ(y[39], 0.0f);
  kernels_.rms_norm(huge.data(), ones.data(), 1e-5f, y.data(), 40);
  EXPECT_NEAR(y[39], 1.0f, 1e-6f);
}

TEST_P(VectorTest, LayerNorm) {
  for (size_t n : sizes()) {
    for (float mean : {0.0f, 1000.0f}) {
      const auto x = normal(n, 2.0f, mean), w = normal(n), b = normal(n);
      double average = 0, squares = 0;
      for (float v : x) average += v;
      average /= static_cast<double>(n);
      for (float v : x) squares += (v - average) * (v - average);
      const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(1e-5f));
      for (const float* bias : {static_cast<const float*>(nullptr), b.data()}) {
        auto y = target(n);
        kernels_.layer_norm(x.data(), w.data(), bias, 1e-5f, y.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const double product = (x[i] - average) * factor * w[i];
          const double expected = product + (bias != nullptr ? bias[i] : 0.0f);
          // two subtractions, the factor, two products; the lower part of the mean is off by u^2 of the mean, and the
          // first subtraction by u of a difference that is off by u of the mean; the bias
          const double slack = kU * kU * 2 * (std::abs(average) + 1) * factor * std::abs(w[i]);
          expect_near(y[i], expected, 5.01 * kU * std::abs(product) + kU * std::abs(expected) + slack, n, i);
        }
        EXPECT_EQ(y[n], kSentinel);
      }
    }
  }
}

TEST_P(VectorTest, ElementwiseArithmetic) {
  for (size_t n : sizes()) {
    const auto a = normal(n), b = normal(n);
    auto sum = target(n), product = target(n), scaled = target(n), added = target(n);
    kernels_.add(a.data(), b.data(), sum.data(), n);
    kernels_.multiply(a.data(), b.data(), product.data(), n);
    kernels_.scale(a.data(), 1.5f, scaled.data(), n);
    std::copy(b.begin(), b.end(), added.begin());
    kernels_.add_scaled(0.3f, a.data(), added.data(), n);
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(sum[i], a[i] + b[i]);
      EXPECT_EQ(product[i], a[i] * b[i]);
      EXPECT_EQ(scaled[i], a[i] * 1.5f);
      const double term = static_cast<double>(0.3f) * a[i];
      expect_near(added[i], b[i] + term, kU * (std::abs(term) + std::abs(b[i] + term)), n, i);
    }
    for (const auto* y : {&sum, &product, &scaled, &added}) EXPECT_EQ((*y)[n], kSentinel);
  }
}

TEST_P(VectorTest, AddBiasLeavesWhatLiesBetweenRows) {
  const size_t n = 19, stride = 23, n_rows = 4;
  const auto before = normal(stride * n_rows), bias = normal(n);
  auto x = before;
  kernels_.add_bias(x.data(), stride, n_rows, bias.data(), n);
  for (size_t r = 0; r < n_rows; ++r) {
    for (size_t i = 0; i < stride; ++i) {
      const size_t at = r * stride + i;
      EXPECT_EQ(x[at], i < n ? before[at] + bias[i] : before[at]);
    }
  }
}

struct Activation {
  VectorKernels::Gated VectorKernels::*member;
  double (*formula)(double);
  double (*relative_error)(double x, bool fma);  // in units of u
  double underflow;                              // absolute error of results near zero
};

// exp(-x) is infinite from x = -88.73 on, and x / infinity is zero where the true value is at most this
constexpr double kSigmoidUnderflow = 90 * 0x1p-128;
// two roundings among subnormals, then times |x| <= 15
constexpr double kTailUnderflow = 2 * 15 * kLeast;

double silu(double x) {
  return x / (1 + std::exp(-x));
}
double gelu_tanh(double x) {  // x sigmoid(2v): 1 + tanh(v) cancels for negative v
  return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double gelu_erf(double x) {
  return x * std::erfc(-x / std::sqrt(2.0)) / 2;
}
// exp, its share of the sum, the sum, the quotient
double silu_error(double, bool) {
  return kExpError / kU + 2;
}
// as silu; the argument, whose six roundings exp turns from relative into absolute errors
double gelu_tanh_error(double x, bool) {
  return kExpError / kU + 2 + 7 * std::abs(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}
// t P(t): 3 roundings in t, at most 2.8 (the sum of the |coefficients| over P(1)) times 2 in P, 0.4 of the fit; exp;
// five products; without FMA, x^2 / 2 is off by u of it
double gelu_erf_error(double x, bool fma) {
  return 3 + 5.6 + 0.4 + kExpError / kU + 5 + (fma ? 0 : x * x / 2);
}

TEST_P(VectorTest, Activations) {
  const Activation activations[] = {{&VectorKernels::silu, silu, silu_error, kSigmoidUnderflow},
                                    {&VectorKernels::gelu_tanh, gelu_tanh, gelu_tanh_error, kSigmoidUnderflow},
                                    {&VectorKernels::gelu_erf, gelu_erf, gelu_erf_error, kTailUnderflow}};
  std::vector<float> x = {0.0f, -0.0f, 1e-30f, -1e-30f, 1e-42f, 87.0f, -87.0f, -95.0f, -103.0f, 1e30f, -1e30f, kInf};
  for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<float>(i) * 0x1p-10f);
  const auto up = normal(x.size());
  const bool fma = GetParam() != Isa::generic;
  for (const Activation& activation : activations) {
    std::vector<float> alone(x.size()), both(x.size());
    (kernels_.*activation.member)(x.data(), nullptr, alone.data(), x.size());
    (kernels_.*activation.member)(x.data(), up.data(), both.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      double expected = activation.formula(x[i]);
      if (x[i] == -1e30f) expected = 0;
      const double error = activation.relative_error(x[i], fma) * kU;
      const double relative = std::isfinite(error) ? error : 0;
      expect_near(alone[i], expected, relative * std::abs(expected) + activation.underflow, x.size(), i);
      const double product = expected * up[i];
      const double slack = activation.underflow * std::abs(up[i]) + kLeast;
      expect_near(both[i], product, (relative + kU) * std::abs(product) + slack, x.size(), i);
    }
    float nan = kNan, y = 0;
    (kernels_.*activation.member)(&nan, nullptr, &y, 1);
    EXPECT_TRUE(std::isnan(y));
  }
}

TEST_P(VectorTest, ActivationsOfEverySize) {
  for (size_t n : sizes()) {
    const auto gate = normal(n, 3.0f), up = normal(n);
    auto y = target(n);
    kernels_.silu(gate.data(), up.data(), y.data(), n);
    for (size_t i = 0; i < n; ++i) {
      const double expected = silu(gate[i]) * up[i];
      expect_near(y[i], expected, 6 * kU * std::abs(expected), n, i);
    }
    EXPECT_EQ(y[n], kSentinel);
  }
}

TEST_P(VectorTest, RopeInBothLayouts) {
  for (size_t n_rot : {2, 4, 6, 10, 16, 32, 34, 64, 80, 96, 128, 256}) {
    const size_t head_stride = n_rot + 5, n_heads = 3;
    std::vector<float> cosines(n_rot / 2), sines(n_rot / 2);
    for (size_t i = 0; i < n_rot / 2; ++i) {
      const double angle = 1234.0 * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(n_rot));
      cosines[i] = static_cast<float>(std::cos(angle));
      sines[i] = static_cast<float>(std::sin(angle));
    }
    const auto before = normal(head_stride * n_heads);
    for (bool halves : {false, true}) {
      auto x = before;
      (halves ? kernels_.rope_halves : kernels_.rope_adjacent)(x.data(), head_stride, n_heads, cosines.data(),
                                                               sines.data(), n_rot);
      for (size_t h = 0; h < n_heads; ++h) {
        for (size_t i = 0; i < n_rot / 2; ++i) {
          const size_t at = h * head_stride + (halves ? i : 2 * i), other = at + (halves ? n_rot / 2 : 1);
          const double a = before[at], b = before[other], c = cosines[i], s = sines[i];
          const double tolerance = 2 * kU * (std::abs(a) + std::abs(b));  // two products, a sum
          expect_near(x[at], a * c - b * s, tolerance, n_rot, i);
          expect_near(x[other], b * c + a * s, tolerance, n_rot, i);
        }
        for (size_t i = n_rot; i < head_stride; ++i) EXPECT_EQ(x[h * head_stride + i], before[h * head_stride + i]);
      }
    }
  }
}

TEST_P(VectorTest, Softmax) {
  for (size_t n : sizes()) {
    auto x = normal(n, 10.0f, 50.0f);
    if (n > 3) x[n / 2] = -kInf;
    auto y = target(n);
    kernels_.softmax(x.data(), y.data(), n);
    const double max = *std::max_element(x.begin(), x.end());
    // an exponent's rounding is an absolute error in it: u |x - max|
    double sum = 0, sum_error = 0;
    for (float v : x) {
      const double e = std::exp(v - max);
      sum += e;
      if (e > 0) sum_error += e * (kExpError + kU * (max - v));
    }
    for (size_t i = 0; i < n; ++i) {
      const double expected = std::exp(x[i] - max) / sum;
      const double error = x[i] == -kInf ? 0 : kExpError + kU * (max - x[i]) + sum_error / sum + 2 * kU;
      expect_near(y[i], expected, error * expected, n, i);
    }
    EXPECT_EQ(y[n], kSentinel);
  }
}

TEST_P(VectorTest, SoftmaxOfNanInfinityAndNothing) {
  for (float bad : {kNan, kInf}) {
    for (size_t place : {0, 17, 36}) {
      auto x = normal(37);
      x[place] = bad;
      kernels_.softmax(x.data(), x.data(), x.size());
      for (float v : x) EXPECT_TRUE(std::isnan(v));
    }
  }
  std::vector<float> nothing(9, -kInf);
  kernels_.softmax(nothing.data(), nothing.data(), nothing.size());
  for (float v : nothing) EXPECT_TRUE(std::isnan(v));
}

TEST_P(VectorTest, Exp) {
  std::vector<float> x = {0.0f, -0.0f, kInf, -kInf, kNan, 88.72f, 88.73f, 1e38f, -1e38f, -87.3f, -103.9f, -104.1f};
  for (int i = -110 * 512; i <= 90 * 512; ++i) x.push_back(static_cast<float>(i) / 512.0f);
  std::vector<float> y(x.size());
  kernels_.exp(x.data(), y.data(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    double expected = std::exp(static_cast<double>(x[i]));
    if (expected > std::numeric_limits<float>::max()) expected = kInf;
    expect_near(y[i], expected, kExpError * expected + kLeast / 2, x.size(), i);
  }
  EXPECT_EQ(y[0], 1.0f);
}

TEST_P(VectorTest, ArgmaxIsTheFirstOfTheLargestAndSkipsNan) {
  for (size_t n : sizes()) {
    auto x = normal(n);
    for (size_t i = 0; i < n; i += 3) x[i] = kNan;
    EXPECT_EQ(kernels_.argmax(x.data(), n), n == 1 ? 0 : [&] {
      size_t best = 1;
      for (size_t i = 1; i < n; ++i) best = x[i] > x[best] ? i : best;
      return best;
    }()) << n;
    std::fill(x.begin(), x.end(), -2.0f);
    x[n / 2] = x[n - 1] = 5.0f;
    EXPECT_EQ(kernels_.argmax(x.data(), n), n / 2);
    std::fill(x.begin(), x.end(), -kInf);
    EXPECT_EQ(kernels_.argmax(x.data(), n), 0u);
    x[0] = kNan;
    EXPECT_EQ(kernels_.argmax(x.data(), n), n == 1 ? 0u : 1u);
  }
}

TEST_P(VectorTest, Dot) {
  for (size_t n : sizes()) {
    const auto a = normal(n), b = normal(n);
    double expected = 0, magnitude = 0;
    for (size_t i = 0; i < n; ++i) {
      expected += static_cast<double>(a[i]) * b[i];
      magnitude += std::abs(static_cast<double>(a[i]) * b[i]);
    }
    // 16 sums or more side by side, then at most 7 steps to add them up
    const double steps = static_cast<double>(n) / 16 + 9;
    EXPECT_NEAR(kernels_.dot(a.data(), b.data(), n), expected, steps * kU * magnitude) << n;
  }
}

TEST_P(VectorTest, EverySixteenBitPatternToFloat32) {
  std::vector<uint16_t> x(65536 + 3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint16_t>(i);
  std::vector<float> f16(x.size()), bf16(x.size());
  kernels_.f16_to_f32(x.data(), f16.data(), x.size());
  kernels_.bf16_to_f32(x.data(), bf16.data(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const uint16_t quiet = (x[i] & 0x7c00) == 0x7c00 && (x[i] & 0x3ff) != 0 ? x[i] | 0x200 : x[i];
    EXPECT_EQ(std::bit_cast<uint32_t>(f16[i]) | (quiet != x[i] ? 0x400000u : 0u),
              std::bit_cast<uint32_t>(f16_to_f32(quiet)))
        << i;
    EXPECT_EQ(std::bit_cast<uint32_t>(bf16[i]), static_cast<uint32_t>(x[i]) << 16) << i;
  }
}

TEST_P(VectorTest, Float32ToSixteenBits) {
  std::vector<float> x;
  for (uint32_t high = 0; high < 65536; ++high) {  // every sign, exponent and upper digits; halfway cases beside them
    for (uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu, 0x1000u, 0xfffu}) {
      x.push_back(std::bit_cast<float>(high << 16 | low));
    }
  }
  for (int i = 0; i < 100001; ++i) x.push_back(std::bit_cast<float>(static_cast<uint32_t>(random_())));
  std::vector<uint16_t> f16(x.size()), bf16(x.size());
  kernels_.f32_to_f16(x.data(), f16.data(), x.size());
  kernels_.f32_to_bf16(x.data(), bf16.data(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(f16[i], f32_to_f16(x[i])) << std::bit_cast<uint32_t>(x[i]);
    ASSERT_EQ(bf16[i], f32_to_bf16(x[i])) << std::bit_cast<uint32_t>(x[i]);
  }
}

TEST_P(VectorTest, SixteenBitTailsStayInside) {
  for (size_t n = 0; n < 40; ++n) {
    const auto x = normal(n);
    std::vector<uint16_t> y(n + 1, 0xabcd);
    kernels_.f32_to_f16(x.data(), y.data(), n);
    EXPECT_EQ(y[n], 0xabcd);
    auto z = target(n);
    kernels_.f16_to_f32(y.data(), z.data(), n);
    EXPECT_EQ(z[n], kSentinel);
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(z[i], f16_to_f32(f32_to_f16(x[i])));
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, VectorTest, testing::ValuesIn(test::isas_of_this_cpu()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace quipu::kernels
