// Every GEMM of every instruction set of this machine, for every type, against float64 products of the decoded weights.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>

#include "tests/kernels/isas.h"
#include "tests/kernels/tile_gemm.h"
#include "tests/kernels/tile_trap.h"
#include "tests/kernels/weights.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;
using test::AlignedBytes;
using test::Product;
using test::Weights;

constexpr size_t kMaxTokens = 65;
constexpr float kSentinel = 123456.0f;

struct Case {
  std::string name;
  Isa isa;  // what the CPU must have
  std::function<GemmKernels(TensorType)> gemm;
  bool trapped = false;
};
void PrintTo(const Case& value, std::ostream* out) {
  *out << value.name;
}

// Of AMX also the kernel over the stand-in of its tiles: compiled for it, with the tests' packing, on every machine;
// its machine code with its own packing where the CPU has the instructions for that, and traps lead to the stand-in.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Isa isa : all_isas()) {
    const std::string name(isa_name(isa));
    all.push_back({name, isa, [isa](TensorType type) { return *kernels(isa).gemm_for(type); }});
    all.push_back({name + "_precise", isa, [isa](TensorType) { return *kernels(isa).gemm_precise; }});
    if (isa == Isa::amx_bf16 && test::TileTrap::kThere) {
      all.push_back({"amx_bf16_trapped", Isa::avx512_bf16, all[all.size() - 2].gemm, true});
    }
  }
  all.push_back({"amx_stand_in", Isa::generic, test::tile_gemm});
  return all;
}

class GemmTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!test::has(GetParam().isa)) GTEST_SKIP() << "this CPU has no " << isa_name(GetParam().isa);
    if (GetParam().trapped) trap_.emplace();
  }
  [[nodiscard]] static GemmKernels gemm(TensorType type) { return GetParam().gemm(type); }
  std::vector<float> normal(size_t n) {
    std::normal_distribution<float> distribution;
    std::vector<float> x(n);
    for (float& v : x) v = distribution(random_);
    return x;
  }

  std::mt19937 random_{20240607};
  std::optional<test::TileTrap> trap_;
};

// y [n_tokens, n_out + 1] with K in panels of k_panel; the last column is a sentinel.
std::vector<float> run(const GemmKernels& gemm, const Weights& w, const float* x, size_t n_tokens, size_t k_panel) {
  const size_t x_stride = gemm.x_stride(w.n_in());
  AlignedBytes packed(n_tokens * x_stride), panel(gemm.panel_bytes(k_panel));
  for (size_t t = 0; t < n_tokens; ++t) gemm.pack_x(x + t * w.n_in(), w.n_in(), packed.data() + t * x_stride);
  const size_t y_stride = w.n_out() + 1;
  std::vector<float> y(n_tokens * y_stride, kSentinel);
  for (size_t row = 0; row < w.n_out(); row += gemm.panel_rows) {
    const size_t n_rows = std::min(gemm.panel_rows, w.n_out() - row);
    for (size_t k = 0; k < w.n_in(); k += k_panel) {
      const size_t n_k = std::min(k_panel, w.n_in() - k);
      gemm.unpack_panel(w.rows(row, n_rows), k, k + n_k, panel.data());
      gemm.multiply({.panel = panel.data(),
                     .n_k = n_k,
                     .n_rows = n_rows,
                     .x = packed.data() + k / GemmKernels::kBlock * gemm.x_block_bytes,
                     .x_stride = x_stride,
                     .n_tokens = n_tokens,
                     .y = y.data() + row,
                     .y_stride = y_stride,
                     .accumulate = k != 0});
    }
  }
  return y;
}

// u = 2^-24 is the largest relative error of one rounded float32 operation. Sums: (K + 1) u sum|x w| (Higham, Accuracy
// and Stability, 3.1). Decoding: scale * q + offset with two roundings where the two cancel, each at most 4 times the
// row's largest weight. bfloat16: x and w carry independent relative errors below 2^-8, of which the root mean square
// is below 2^-8 / sqrt(3) each. bfloat16x2: the square of that for x, for w, and for the product that is left out.
// int16 and int8: x carries errors below half of max|x| / 32767 or / 127, of which the root mean square is below
// 1 / sqrt(3) of that. Seven standard deviations of their sum, since this many outputs are looked at.
double tolerance(const Product& p, size_t n_in, GemmKernels::Operands operands) {
  constexpr double kU = 0x1p-24;
  const double exact = static_cast<double>(n_in + 3) * kU * p.sum_abs + 8 * kU * p.max_abs_w * p.sum_abs_x;
  switch (operands) {
    case GemmKernels::Operands::float32:
      return exact;
    case GemmKernels::Operands::bfloat16:
      return exact + 7 * std::sqrt(2.0 / 3.0 * p.sum_squares) * 0x1p-8;
    case GemmKernels::Operands::bfloat16x2:
      return 3 * exact + 7 * std::sqrt(p.sum_squares) * 0x1p-16;
    case GemmKernels::Operands::int16:
      return exact + 7 * std::sqrt(p.sum_squares_w / 3) * p.max_abs_x / 32767 / 2;
    case GemmKernels::Operands::int8:
      return exact + 7 * std::sqrt(p.sum_squares_w / 3) * p.max_abs_x / 127 / 2;
  }
  return 0;
}

void expect_products(const GemmKernels& gemm, const Weights& w, const std::vector<float>& x, size_t k_panel,
                     size_t max_tokens) {
  const size_t y_stride = w.n_out() + 1;
  const std::vector<float> whole = run(gemm, w, x.data(), max_tokens, k_panel);
  for (size_t t = 0; t < max_tokens; ++t) {
    for (size_t r = 0; r < w.n_out(); ++r) {
      const Product p = test::product(w.row(r), x.data() + t * w.n_in(), w.n_in());
      ASSERT_NEAR(whole[t * y_stride + r], p.value, tolerance(p, w.n_in(), gemm.operands))
          << quant::traits(w.type()).name << " token " << t << " row " << r << " n_in " << w.n_in();
    }
    ASSERT_EQ(whole[t * y_stride + w.n_out()], kSentinel);
  }
}

TEST_P(GemmTest, every_type_agrees_with_float64_at_every_batch) {
  for (const TensorType type : test::matrix_types()) {
    // Two panels, the second of an odd number of rows; two blocks of K, the second short unless the type's block is
    // 256.
    const size_t block = quant::traits(type).block_elements;
    const size_t n_in = 256 + (block > 32 ? block : 96);
    const Weights w(type, gemm(type).panel_rows + 5, n_in, random_);
    const std::vector<float> x = normal(kMaxTokens * n_in);
    expect_products(gemm(type), w, x, 4096, kMaxTokens);
    const std::vector<float> whole = run(gemm(type), w, x.data(), kMaxTokens, 4096);
    for (size_t n = 1; n < kMaxTokens; ++n) {
      const std::vector<float> part = run(gemm(type), w, x.data(), n, 4096);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin())) << "batch of " << n;
    }
  }
}

TEST_P(GemmTest, every_number_of_rows) {
  const size_t n_in = 64;
  const size_t panel_rows = gemm(TensorType::Q4_1).panel_rows;
  for (size_t n_out = 1; n_out <= 2 * panel_rows + 1; ++n_out) {
    const Weights w(TensorType::Q4_1, n_out, n_in, random_);
    expect_products(gemm(TensorType::Q4_1), w, normal(3 * n_in), n_in, 3);
  }
}

TEST_P(GemmTest, any_k_of_the_plain_types) {
  for (const TensorType type : {TensorType::F32, TensorType::F16, TensorType::BF16}) {
    for (const size_t n_in : {1, 2, 15, 16, 17, 31, 33, 63, 255, 257, 511, 577}) {
      const Weights w(type, 3, n_in, random_);
      expect_products(gemm(type), w, normal(13 * n_in), 256, 13);
    }
  }
}

TEST_P(GemmTest, k_in_several_panels) {
  for (const TensorType type : test::matrix_types()) {
    const Weights w(type, 7, 1024, random_);
    for (const size_t k_panel : {256, 768}) expect_products(gemm(type), w, normal(2 * 1024), k_panel, 2);
  }
}

// The largest integers that weights and x can be: no sum in few bits may overflow. (bfloat16 has no such sums, and
// rounds equal weights all to the same side, which the tolerance is not for.)
TEST_P(GemmTest, extreme_integers) {
  for (const TensorType type : test::matrix_types()) {
    const GemmKernels::Operands operands = gemm(type).operands;
    const bool rounds_weights =
        operands == GemmKernels::Operands::bfloat16 || operands == GemmKernels::Operands::bfloat16x2;
    if (test::half_offsets(type).empty() || rounds_weights) continue;
    for (const int fill : {0x00, 0xff, 0x80, 0x7f}) {
      Weights w(type, 4, 512, random_);
      w.fill(static_cast<std::byte>(fill));
      for (const float sign : {1.0f, -1.0f}) {
        expect_products(gemm(type), w, std::vector<float>(2 * 512, sign), 512, 2);
      }
    }
  }
}

// Nothing but the outputs that depend on it becomes NaN or infinite.
TEST_P(GemmTest, nan_and_infinity_stay_where_they_are) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const TensorType type : test::matrix_types()) {
    if (test::half_offsets(type).empty()) continue;
    const size_t n_in = 256;
    for (const float bad : {kInf, -kInf, kNan}) {
      Weights w(type, 5, n_in, random_);
      w.set_half(2 * w.row_bytes() + test::half_offsets(type)[0], bad);
      w.decode();
      std::vector<float> x = normal(4 * n_in);
      x[1 * n_in + 7] = bad;
      const std::vector<float> y = run(gemm(type), w, x.data(), 4, n_in);
      for (size_t t = 0; t < 4; ++t) {
        for (size_t r = 0; r < 5; ++r) {
          EXPECT_EQ(std::isfinite(y[t * 6 + r]), t != 1 && r != 2) << quant::traits(type).name << t << ' ' << r;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, GemmTest, testing::ValuesIn(cases()),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace quipu::kernels
