// Codecs against the independent ones of the PyPI package `gguf` (scripts/references/quant_blocks.py).
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "quant/types.h"

namespace quipu::quant {
namespace {

const std::string kReferences = std::string(QUIPU_REFERENCES_DIR) + "/quant/";

std::string read_reference(const std::string& name) {
  std::ifstream file(kReferences + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << kReferences + name << " is missing: run scripts/references.sh";
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::vector<float> read_floats(const std::string& name) {
  const std::string bytes = read_reference(name);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::vector<float> round_trip(const TypeTraits& type, std::span<const float> x) {
  std::vector<std::byte> encoded(*row_bytes(type.type, x.size()));
  std::vector<float> decoded(x.size());
  type.encode(x.data(), encoded.data(), x.size());
  type.decode(encoded.data(), decoded.data(), x.size());
  return decoded;
}

double rmse(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

std::vector<TensorType> types_with_codec() {
  std::vector<TensorType> types;
  for (const auto& type : all_types()) {
    if (type.decode != nullptr) types.push_back(type.type);
  }
  return types;
}

// The kinds of rows in source.f32 and their number, as in quant_blocks.py.
constexpr size_t kRow = 512;
const std::vector<std::pair<std::string, size_t>> kKinds = {{"normal", 64},   {"laplace", 64}, {"uniform", 32},
                                                            {"outliers", 32}, {"offset", 32},  {"sparse", 32}};

std::map<std::string, std::vector<float>> source_rows() {
  const std::vector<float> all = read_floats("source.f32");
  std::map<std::string, std::vector<float>> rows;
  size_t at = 0;
  for (const auto& [kind, n_rows] : kKinds) {
    rows[kind].assign(all.begin() + static_cast<ptrdiff_t>(at),
                      all.begin() + static_cast<ptrdiff_t>(at + n_rows * kRow));
    at += n_rows * kRow;
  }
  return rows;
}

class Codec : public testing::TestWithParam<TensorType> {
 protected:
  const TypeTraits& type_ = traits(GetParam());
};

TEST_P(Codec, DecodesAsTheGgufPackageBitForBit) {
  const std::string name(type_.name);
  const std::string blocks = read_reference(name + ".blocks");
  const std::vector<float> expected = read_floats(name + ".f32");
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(blocks.size(), *row_bytes(type_.type, expected.size()));
  // One byte before the blocks: a codec must not rely on alignment.
  std::vector<std::byte> unaligned(blocks.size() + 1);
  std::memcpy(unaligned.data() + 1, blocks.data(), blocks.size());
  std::vector<float> actual(expected.size());
  type_.decode(unaligned.data() + 1, actual.data(), actual.size());
  size_t n_nan = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    // Which NaN an operation gives is up to the machine.
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(actual[i])) << "element " << i;
      ++n_nan;
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i]))
        << "element " << i << ": " << actual[i] << " for " << expected[i];
  }
  EXPECT_LT(n_nan, expected.size() / 4);
}

// The package's encoder, or where it has none a plain one that does not search (quant_blocks.py).
TEST_P(Codec, EncodesWithNoMoreErrorThanTheReference) {
  std::istringstream lines(read_reference("rmse.txt"));
  const auto rows = source_rows();
  std::string name, kind;
  double reference = 0;
  size_t n_compared = 0;
  while (lines >> name >> kind >> reference) {
    if (name != type_.name) continue;
    const std::vector<float>& x = rows.at(kind);
    // Plain encoders that do as we do (Q8_0, Q8_K) differ by the rounding of float32 against double.
    EXPECT_LE(rmse(x, round_trip(type_, x)), reference * (1 + 1e-6)) << name << " " << kind;
    ++n_compared;
  }
  EXPECT_EQ(n_compared, kKinds.size());
}

// What searching for scales wins over the reference encoder on normally distributed numbers, in its share of the error,
// measured when the search was made and rounded up by half a percent: a change that loses more is to be noticed.
TEST_P(Codec, SearchKeepsWinning) {
  static const std::map<std::string_view, double> kShare = {
      {"Q4_0", 0.943},   {"Q4_1", 0.895},  {"Q5_0", 0.944},    {"Q5_1", 0.893},  {"Q2_K", 0.807},   {"Q3_K", 0.932},
      {"Q4_K", 0.899},   {"Q5_K", 0.912},  {"Q6_K", 0.904},    {"IQ1_S", 0.694}, {"IQ1_M", 0.758},  {"IQ2_XXS", 0.921},
      {"IQ2_XS", 0.932}, {"IQ2_S", 0.918}, {"IQ3_XXS", 0.949}, {"IQ3_S", 0.945}, {"IQ4_NL", 0.921}, {"IQ4_XS", 0.928},
      {"TQ1_0", 0.542},  {"TQ2_0", 0.542}, {"Q2_0", 0.493},    {"MXFP4", 0.986}, {"NVFP4", 0.867}};
  if (!kShare.contains(type_.name)) GTEST_SKIP() << "no search";
  std::istringstream lines(read_reference("rmse.txt"));
  const auto rows = source_rows();
  std::string name, kind;
  double reference = 0;
  while (lines >> name >> kind >> reference) {
    if (name != type_.name || kind != "normal") continue;
    // Without importances, errors of large numbers count more than in the figures compared here.
    const std::vector<float>& x = rows.at(kind);
    const std::vector<float> equal(x.size(), 1.0f);
    std::vector<std::byte> encoded(*row_bytes(type_.type, x.size()));
    std::vector<float> decoded(x.size());
    type_.encode_weighted(x.data(), encoded.data(), x.size(), equal.data());
    type_.decode(encoded.data(), decoded.data(), x.size());
    EXPECT_LE(rmse(x, decoded) / reference, kShare.at(type_.name));
  }
}

TEST_P(Codec, EncodesZerosAsZeros) {
  const std::vector<float> x(256, 0.f);
  for (const float y : round_trip(type_, x)) EXPECT_EQ(y, 0.f);
}

TEST_P(Codec, EncodingIsTheSameForEachBlockWhereverItStands) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> x(1024);
  for (float& v : x) v = normal(random);
  const std::vector<float> whole = round_trip(type_, x);
  const std::vector<float> part = round_trip(type_, std::span(x).subspan(512, 256));
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 512));
}

TEST_P(Codec, ExtremeNumbersDoNotSpoilTheRest) {
  if (type_.block_elements == 1) GTEST_SKIP() << "no blocks";
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float extreme : {kInfinity, -kInfinity, std::nanf(""), 3e38f, -3e38f, 1e-40f, 1e-30f}) {
    std::vector<float> x(256, 0.25f);
    x[100] = extreme;
    for (const float y : round_trip(type_, x)) EXPECT_TRUE(std::isfinite(y)) << extreme;
    std::fill(x.begin(), x.end(), extreme);
    for (const float y : round_trip(type_, x)) EXPECT_TRUE(std::isfinite(y)) << extreme;
  }
}

// Numbers that blocks can hold exactly come back as they were: scales are powers of two, every group holds its smallest
// and its largest integer, and the largest scale of a super-block is the largest that its integers can say.
struct Grid {
  size_t group;
  int q_min, q_max, largest_scale, largest_min;
};
const std::map<std::string_view, Grid> kGrids = {
    {"Q8_0", {32, -127, 127, 1, 0}},  {"Q4_0", {32, -8, 7, 1, 0}},      {"Q4_1", {32, 0, 15, 1, 1}},
    {"Q5_0", {32, -16, 15, 1, 0}},    {"Q5_1", {32, 0, 31, 1, 1}},      {"Q2_K", {16, 0, 3, 15, 15}},
    {"Q3_K", {16, -4, 3, -32, 0}},    {"Q4_K", {32, 0, 15, 63, 63}},    {"Q5_K", {32, 0, 31, 63, 63}},
    {"Q6_K", {16, -32, 31, -128, 0}}, {"Q8_K", {256, -127, 127, 1, 0}}, {"TQ1_0", {256, -1, 1, 1, 0}},
    {"TQ2_0", {256, -1, 1, 1, 0}},    {"Q2_0", {64, -1, 2, 1, 0}}};

std::vector<float> numbers_of_the_grid(const TypeTraits& type, std::mt19937& random) {
  const Grid& grid = kGrids.at(type.name);
  std::vector<float> x(type.block_elements);
  for (size_t g = 0; g < x.size() / grid.group; ++g) {
    const int scale =
        g == 0 ? grid.largest_scale : grid.largest_scale - grid.largest_scale / 2 * static_cast<int>(g % 2);
    const int min =
        g == 0 ? grid.largest_min : static_cast<int>(random() % static_cast<unsigned>(grid.largest_min + 1));
    for (size_t i = 0; i < grid.group; ++i) {
      const int random_q = grid.q_min + static_cast<int>(random() % static_cast<unsigned>(grid.q_max - grid.q_min + 1));
      const int q = i == 3 ? grid.q_min : i == 7 ? grid.q_max : random_q;
      x[g * grid.group + i] = 0x1p-10f * static_cast<float>(scale * q) - 0x1p-8f * static_cast<float>(min);
    }
  }
  return x;
}

TEST_P(Codec, NumbersOfTheGridComeBackExactly) {
  if (!kGrids.contains(type_.name)) GTEST_SKIP() << "no blocks, or levels that are not evenly spaced";
  std::mt19937 random(5);
  for (int repetition = 0; repetition < 100; ++repetition) {
    const std::vector<float> x = numbers_of_the_grid(type_, random);
    ASSERT_EQ(round_trip(type_, x), x) << repetition;
  }
}

std::string name_of(const testing::TestParamInfo<TensorType>& info) {
  return std::string(traits(info.param).name);
}
INSTANTIATE_TEST_SUITE_P(AllTypes, Codec, testing::ValuesIn(types_with_codec()), name_of);

}  // namespace
}  // namespace quipu::quant
