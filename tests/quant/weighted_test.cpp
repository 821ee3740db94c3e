// Encoders that know which numbers matter.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "quant/types.h"

namespace quipu::quant {
namespace {

constexpr size_t kN = 16 * 256;

float normal(Random& random) {
  // Box and Muller 1958.
  const double u = 1 - random.uniform(), v = random.uniform();
  return static_cast<float>(0.02 * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
}

struct Row {
  std::vector<float> x, importance;
};

Row row() {
  Random random(7);
  Row made{std::vector<float>(kN), std::vector<float>(kN)};
  for (float& x : made.x) x = normal(random);
  // A few columns matter a hundred times as much as most, as in real activations.
  for (float& w : made.importance) w = random.uniform() < 0.1 ? 100.f : 1.f;
  return made;
}

std::vector<float> back(const TypeTraits& type, const Row& r, const float* importance) {
  std::vector<std::byte> encoded(*row_bytes(type.type, kN));
  type.encode_weighted(r.x.data(), encoded.data(), kN, importance);
  std::vector<float> decoded(kN);
  type.decode(encoded.data(), decoded.data(), kN);
  return decoded;
}

double weighted_error(const Row& r, const std::vector<float>& decoded) {
  double sum = 0;
  for (size_t i = 0; i < kN; ++i) sum += double{r.importance[i]} * std::pow(double{r.x[i]} - decoded[i], 2);
  return sum;
}

// The exact types, and those whose scale is given by the largest number alone.
bool has_no_choice(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16 || type == TensorType::Q8_0 ||
         type == TensorType::Q8_K;
}

TEST(EncodeWeighted, LowersTheErrorThatMatters) {
  const Row r = row();
  for (const TypeTraits& type : all_types()) {
    if (type.encode == nullptr || has_no_choice(type.type)) continue;
    const double weighted = weighted_error(r, back(type, r, r.importance.data()));
    const double plain = weighted_error(r, back(type, r, nullptr));
    EXPECT_LT(weighted, 0.99 * plain) << type.name;
  }
}

TEST(EncodeWeighted, OnlyTheRatiosOfImportancesCount) {
  const Row r = row();
  const std::vector<float> ones(kN, 1), fours(kN, 4);
  for (const TypeTraits& type : all_types()) {
    if (type.encode == nullptr) continue;
    EXPECT_EQ(back(type, r, ones.data()), back(type, r, fours.data())) << type.name;
  }
}

// Of types whose steps are large enough for a difference that shows; the grids of IQ1 to IQ3 take all errors the same.
bool weighs_by_size(const TypeTraits& type) {
  return type.encode != nullptr && 8 * type.block_bytes < 5 * type.block_elements && type.type != TensorType::Q1_0 &&
         !(type.name.starts_with("IQ") && !type.name.starts_with("IQ4"));
}

TEST(EncodeWeighted, ErrorsOfLargeNumbersCountMoreWithoutImportances) {
  Row r = row();
  const std::vector<float> equal(kN, 1);
  double mean = 0;
  for (const float x : r.x) mean += double{x} * x / kN;
  for (size_t i = 0; i < kN; ++i) r.importance[i] = static_cast<float>(std::sqrt(0.5 + 0.5 * r.x[i] * r.x[i] / mean));
  for (const TypeTraits& type : all_types()) {
    if (!weighs_by_size(type)) continue;
    EXPECT_LT(weighted_error(r, back(type, r, nullptr)), weighted_error(r, back(type, r, equal.data()))) << type.name;
  }
}

TEST(EncodeWeighted, ImportancesOfZeroAndHugeOnesAreHarmless) {
  Row r = row();
  for (size_t i = 0; i < kN; ++i) r.importance[i] = i < kN / 2 ? 0.f : i % 3 == 0 ? 1e37f : 0.f;
  for (const TypeTraits& type : all_types()) {
    if (type.encode == nullptr) continue;
    const auto decoded = back(type, r, r.importance.data());
    double error = 0, all = 0;
    for (size_t i = 0; i < kN; ++i) {
      ASSERT_TRUE(std::isfinite(decoded[i])) << type.name;
      error += std::pow(double{r.x[i]} - decoded[i], 2);
      all += double{r.x[i]} * r.x[i];
    }
    // What does not matter must not become arbitrary.
    EXPECT_LT(error, all) << type.name;
  }
}

}  // namespace
}  // namespace quipu::quant
