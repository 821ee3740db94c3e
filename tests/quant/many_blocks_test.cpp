// Fits of sixteen blocks at once: every instruction set gives the same bits, and no other scale of the search is
// better.
#include "quant/many_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "quant/search.h"

namespace quipu::quant {
namespace {

constexpr std::array<float, 8> kSteps{-0.7f, -0.5f, -0.3f, -0.1f, 0.1f, 0.3f, 0.5f, 0.7f};
constexpr RealRange kRange{-8, 7};
constexpr float kTop = 15;

// Sixteen blocks: the last are all zeros, all the same, tiny, huge, and not finite.
std::vector<float> numbers(uint64_t seed) {
  Random random(seed);
  std::vector<float> x(kManyBlocks * kManyNumbers);
  for (float& v : x) v = static_cast<float>(2 * random.uniform() - 1);
  const auto block = [&x](size_t b) { return x.begin() + static_cast<std::ptrdiff_t>(b * kManyNumbers); };
  std::fill_n(block(11), kManyNumbers, 0.0f);
  std::fill_n(block(12), kManyNumbers, 0.75f);
  for (size_t i = 0; i < kManyNumbers; ++i) {
    block(13)[i] *= 1e-39f;
    block(14)[i] *= 3e8f;
  }
  block(15)[3] = std::nanf(""), block(15)[4] = INFINITY, block(15)[5] = -INFINITY;
  return x;
}

std::vector<float> importances(uint64_t seed) {
  Random random(seed);
  std::vector<float> weights(kManyBlocks * kManyNumbers);
  for (float& w : weights) w = static_cast<float>(random.uniform()) + 0.01f;
  return weights;
}

template <typename T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

TEST(ManyBlocks, EveryInstructionSetGivesTheSameBits) {
  const SearchKernels& generic = *all_search_kernels().front();
  for (const SearchKernels* kernels : all_search_kernels()) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const std::vector<float> x = numbers(seed), weights = importances(seed);
      for (const size_t n_blocks : {1, 3, 8, 15, 16}) {
        for (const float* importance : {static_cast<const float*>(nullptr), weights.data()}) {
          ManyBlocks blocks, expected_blocks;
          kernels->load_blocks(x.data(), importance, n_blocks, blocks);
          generic.load_blocks(x.data(), importance, n_blocks, expected_blocks);
          ASSERT_TRUE(same_bits(blocks, expected_blocks)) << n_blocks;
          OfBlocks scales, minimums, expected_scales, expected_minimums;
          kernels->fit_scales(blocks, kRange, kSteps, scales);
          generic.fit_scales(blocks, kRange, kSteps, expected_scales);
          EXPECT_TRUE(same_bits(scales, expected_scales)) << seed << ' ' << n_blocks;
          kernels->fit_affines(blocks, kTop, kSteps, scales, minimums);
          generic.fit_affines(blocks, kTop, kSteps, expected_scales, expected_minimums);
          EXPECT_TRUE(same_bits(scales, expected_scales)) << seed << ' ' << n_blocks;
          EXPECT_TRUE(same_bits(minimums, expected_minimums)) << seed << ' ' << n_blocks;
        }
      }
    }
  }
}

// What a block of `blocks` loses with x near scale q - minimum, in double.
double error(const ManyBlocks& blocks, size_t b, double scale, double minimum, RealRange range) {
  double sum = 0;
  for (size_t i = 0; i < kManyNumbers; ++i) {
    const double x = static_cast<double>(blocks.x[i][b]);
    double q = scale == 0 ? 0 : std::nearbyint((x + minimum) / scale);
    q = std::clamp(q, static_cast<double>(range.low), static_cast<double>(range.high));
    const double lost = x - (scale * q - minimum);
    sum += static_cast<double>(blocks.weights[i][b]) * lost * lost;
  }
  return sum;
}

TEST(ManyBlocks, NoStepOfTheSearchIsBetter) {
  const std::vector<float> x = numbers(7), weights = importances(7);
  for (const SearchKernels* kernels : all_search_kernels()) {
    ManyBlocks blocks;
    kernels->load_blocks(x.data(), weights.data(), kManyBlocks, blocks);
    OfBlocks scales, affine_scales, minimums;
    kernels->fit_scales(blocks, kRange, kSteps, scales);
    kernels->fit_affines(blocks, kTop, kSteps, affine_scales, minimums);
    for (size_t b = 0; b < 11; ++b) {
      double low = 0, high = 0;
      for (const OfBlocks& number : blocks.x) {
        low = std::min(low, static_cast<double>(number[b]));
        high = std::max(high, static_cast<double>(number[b]));
      }
      const double found = error(blocks, b, static_cast<double>(scales[b]), 0, kRange);
      const double found_affine =
          error(blocks, b, static_cast<double>(affine_scales[b]), static_cast<double>(minimums[b]), {0, kTop});
      const double largest = -low > high ? low : high;
      for (const float step : kSteps) {
        const double ends[2] = {static_cast<double>(kRange.low - step), static_cast<double>(kRange.high + step)};
        for (const double end : ends) EXPECT_LE(found, 1.0001 * error(blocks, b, largest / end, 0, kRange)) << b;
        const double scale = (high - low) / static_cast<double>(kTop + step);
        EXPECT_LE(found_affine, 1.0001 * error(blocks, b, scale, -low, {0, kTop})) << b;
      }
    }
    EXPECT_EQ(scales[11], 0);
    EXPECT_EQ(minimums[12], -0.75f);
    for (size_t b = 0; b < kManyBlocks; ++b) EXPECT_TRUE(std::isfinite(scales[b]) && std::isfinite(affine_scales[b]));
  }
}

}  // namespace
}  // namespace quipu::quant
