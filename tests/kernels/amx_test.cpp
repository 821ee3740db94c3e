// The stand-in of AMX's tiles against what Intel's manual says of them and, where the CPU has them, against the tiles
// themselves; and why the AMX kernel multiplies bfloat16.
#include <gtest/gtest.h>

#include <limits>

#include "tests/kernels/isas.h"
#include "tests/kernels/tile_gemm.h"
#include "tests/kernels/weights.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;
using test::AlignedBytes;
using test::StandInTiles;

constexpr float kTiny = 0x1p-130f;  // subnormal

// One row by one column over four k, in tiles of that size.
float multiply_add(float sum, std::array<float, 4> a, std::array<float, 4> b) {
  TileShapes shapes;
  shapes.set(0, 1, 4);
  shapes.set(1, 1, 8);
  shapes.set(2, 2, 4);
  StandInTiles tiles;
  tiles.configure(shapes);
  uint16_t bits[2][4];
  for (size_t k = 0; k < 4; ++k) {
    bits[0][k] = f32_to_bf16(a[k]);
    bits[1][k] = f32_to_bf16(b[k]);
  }
  tiles.load<0>(&sum, 0);
  tiles.load<1>(bits[0], 0);
  tiles.load<2>(bits[1], 4);
  tiles.multiply_bf16<0, 1, 2>();
  tiles.store<0>(&sum, 0);
  return sum;
}

TEST(StandInTiles, adds_products_of_pairs) {
  EXPECT_EQ(multiply_add(5, {1, 2, 3, 4}, {1, 16, 256, 4096}), 5 + 1 + 32 + 768 + 16384);
}

TEST(StandInTiles, first_and_second_products_have_sums_of_their_own) {
  // 2^24 + 1 is no float32, and 2^24 + 2 is one: two ones count when they meet before the large number.
  EXPECT_EQ(multiply_add(0, {0x1p24f, 1, 0, 1}, {1, 1, 1, 1}), 0x1p24f + 2);
  EXPECT_EQ(multiply_add(0, {0x1p24f, 0, 1, 0}, {1, 1, 1, 1}), 0x1p24f);  // to even
  EXPECT_EQ(multiply_add(0, {0x1p24f, 0, 3, 0}, {1, 1, 1, 1}), 0x1p24f + 4);
}

TEST(StandInTiles, subnormal_numbers_are_zeros) {
  EXPECT_EQ(multiply_add(kTiny, {0, 0, 0, 0}, {0, 0, 0, 0}), 0);
  EXPECT_EQ(multiply_add(0, {kTiny, 0, 0, 0}, {0x1p100f, 0, 0, 0}), 0);
  EXPECT_EQ(multiply_add(0, {0x1p-70f, 0, 0, 0}, {0x1p-60f, 0, 0, 0}), 0);
  EXPECT_EQ(multiply_add(0x1p-126f, {0x1p-70f, 0, 0, 0}, {0x1p-60f, 0, 0, 0}), 0x1p-126f);
}

TEST(StandInTiles, infinity_and_nan) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(multiply_add(0, {kInf, 0, 0, 0}, {1, 0, 0, 0}), kInf);
  EXPECT_TRUE(std::isnan(multiply_add(0, {kInf, 0, 0, 0}, {0, 0, 0, 0})));
  EXPECT_TRUE(std::isnan(multiply_add(0, {kInf, kInf, 0, 0}, {1, -1, 0, 0})));
}

TEST(StandInTiles, what_the_processor_refuses_ends_the_test) {
  StandInTiles tiles;
  EXPECT_DEATH(tiles.zero<0>(), "");  // not configured
  TileShapes shapes;
  shapes.set(0, 16, 64);
  shapes.set(1, 16, 64);
  shapes.set(2, 15, 64);
  tiles.configure(shapes);
  EXPECT_DEATH((tiles.multiply_bf16<0, 1, 2>()), "");  // 15 pairs by 16
  shapes.rows[3] = 1;
  EXPECT_DEATH(tiles.configure(shapes), "");
}

// Numbers of every size, subnormal, infinite and NaN ones among them.
std::vector<float> any_bits(size_t n, std::mt19937& random) {
  std::vector<float> x(n);
  for (float& v : x) v = std::bit_cast<float>(static_cast<uint32_t>(random()));
  return x;
}

TEST(AmxTiles, give_the_stand_in_s_bits) {
  if (!test::has(Isa::amx_bf16)) GTEST_SKIP() << "this CPU has no " << isa_name(Isa::amx_bf16);
  std::mt19937 random(1);
  for (const TensorType type : {TensorType::BF16, TensorType::F16}) {
    const GemmKernels &gemm = *kernels(Isa::amx_bf16).gemm_for(type), stand_in = test::over_stand_in(gemm);
    for (const size_t n_in : {32, 256}) {
      const test::Weights w(TensorType::F16, 32, n_in, random);
      AlignedBytes panel(gemm.panel_bytes(n_in)), x(gemm.x_stride(n_in));
      gemm.unpack_panel({type, w.rows(0, 32).data, w.row_bytes(), 32, n_in}, 0, n_in, panel.data());
      gemm.pack_x(any_bits(n_in, random).data(), n_in, x.data());
      std::vector<uint32_t> y(64);
      const PanelProduct product{.panel = panel.data(),
                                 .n_k = n_in,
                                 .n_rows = 32,
                                 .x = x.data(),
                                 .x_stride = gemm.x_stride(n_in),
                                 .n_tokens = 1,
                                 .y = reinterpret_cast<float*>(y.data()),
                                 .y_stride = 32};
      gemm.multiply(product);
      PanelProduct again = product;
      again.y += 32;
      stand_in.multiply(again);
      for (size_t i = 0; i < 32; ++i) {
        const auto a = std::bit_cast<float>(y[i]), b = std::bit_cast<float>(y[32 + i]);
        EXPECT_TRUE(y[i] == y[32 + i] || (std::isnan(a) && std::isnan(b))) << a << " " << b;
      }
    }
  }
}

// x as llama.cpp's CPU kernels round it for a type of weights (vec_dot_type in its ggml-cpu.c).
std::vector<float> rounded_by_llama_cpp(TensorType type, const std::vector<float>& x) {
  using enum TensorType;
  std::vector<float> rounded(x.size());
  const auto integers = [&](size_t block, auto scale_of) {
    for (size_t i = 0; i < x.size(); i += block) {
      float largest = 0;
      for (size_t j = i; j < i + block; ++j) largest = std::max(largest, std::abs(x[j]));
      const float scale = largest / 127;
      for (size_t j = i; j < i + block; ++j) rounded[j] = std::round(x[j] / scale) * scale_of(scale);
    }
  };
  switch (type) {
    case F16:
      for (size_t i = 0; i < x.size(); ++i) rounded[i] = f16_to_f32(f32_to_f16(x[i]));
      break;
    case BF16:
      for (size_t i = 0; i < x.size(); ++i) rounded[i] = bf16_to_f32(f32_to_bf16(x[i]));
      break;
    case Q8_0:
    case Q4_0:
    case Q4_1:
    case Q5_0:
    case Q5_1:
    case IQ4_NL:
    case MXFP4:
    case NVFP4:
    case Q1_0:
    case Q2_0:
      integers(32, [](float scale) { return f16_to_f32(f32_to_f16(scale)); });
      break;
    default:
      integers(256, [](float scale) { return scale; });
  }
  return rounded;
}

// What the AMX table has for a type, over the stand-in; without the instructions for its packing, the same by the
// tests'.
GemmKernels tile_gemm_of(TensorType type) {
  if (test::has(Isa::avx512_bf16)) return test::over_stand_in(*kernels(Isa::amx_bf16).gemm_for(type));
  return test::tile_gemm(type);
}

// Normally distributed x: without the large channels of a transformer, which cost integers more and bfloat16 nothing.
TEST(AmxKernels, no_type_is_less_exact_than_in_llama_cpp) {
  constexpr size_t kRows = 32, kTokens = 8, kIn = 1024;
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const TensorType type : test::matrix_types()) {
    const GemmKernels gemm = tile_gemm_of(type);
    if (type == TensorType::F32) {
      EXPECT_TRUE(!test::has(Isa::avx512_bf16) || gemm.operands == GemmKernels::Operands::float32);
      continue;
    }
    const test::Weights w(type, kRows, kIn, random);
    AlignedBytes panel(gemm.panel_bytes(kIn)), packed(gemm.x_stride(kIn));
    gemm.unpack_panel(w.rows(0, kRows), 0, kIn, panel.data());
    double ours = 0, theirs = 0;
    for (size_t t = 0; t < kTokens; ++t) {
      std::vector<float> x(kIn), y(kRows);
      for (float& v : x) v = normal(random);
      gemm.pack_x(x.data(), kIn, packed.data());
      gemm.multiply({.panel = panel.data(),
                     .n_k = kIn,
                     .n_rows = kRows,
                     .x = packed.data(),
                     .x_stride = gemm.x_stride(kIn),
                     .n_tokens = 1,
                     .y = y.data(),
                     .y_stride = kRows});
      const std::vector<float> rounded = rounded_by_llama_cpp(type, x);
      for (size_t r = 0; r < kRows; ++r) {
        const double truth = test::product(w.row(r), x.data(), kIn).value;
        ours += std::pow(static_cast<double>(y[r]) - truth, 2);
        theirs += std::pow(test::product(w.row(r), rounded.data(), kIn).value - truth, 2);
      }
    }
    // Of BF16 both are the same but for float32 sums.
    EXPECT_LE(ours, 1.001 * theirs) << quant::traits(type).name;
  }
}

}  // namespace
}  // namespace quipu::kernels
