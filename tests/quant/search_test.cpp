// The inner loops of the encoders: every instruction set gives the same bits.
#include "quant/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/random.h"

namespace quipu::quant {
namespace {

struct Numbers {
  std::vector<float> x, weights;
  Candidates shift{}, inverse{};
  [[nodiscard]] Group group() const { return {x, weights.data()}; }
};

Numbers numbers(size_t n, uint64_t seed) {
  Random random(seed);
  const auto next = [&] { return static_cast<float>(2 * random.uniform() - 1); };
  Numbers made{std::vector<float>(n), std::vector<float>(n)};
  for (float& x : made.x) x = next();
  for (float& w : made.weights) w = next() + 1;
  for (float& inverse : made.inverse) inverse = 10 * next();
  for (float& shift : made.shift) shift = next();
  return made;
}

template <typename T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

TEST(Search, EveryInstructionSetGivesTheSameBits) {
  const SearchKernels& generic = *all_search_kernels().front();
  for (const SearchKernels* kernels : all_search_kernels()) {
    for (const size_t n : {16, 32, 64, 256}) {
      for (uint64_t seed = 0; seed < 50; ++seed) {
        const Numbers made = numbers(n, seed);
        const Group group = made.group();
        EXPECT_TRUE(same_bits(kernels->extent(made.x.data(), n), generic.extent(made.x.data(), n)));
        EXPECT_TRUE(
            same_bits(kernels->scales(group, {-8, 7}, made.inverse), generic.scales(group, {-8, 7}, made.inverse)));
        EXPECT_TRUE(same_bits(kernels->scale(group, {-8, 7}, 5.5f), generic.scale(group, {-8, 7}, 5.5f)));
        EXPECT_TRUE(same_bits(kernels->affine(group, 15, 0.7f, 9), generic.affine(group, 15, 0.7f, 9)));
        AffineCandidates sums{}, expected{};
        kernels->affines(group, 15, made.shift, made.inverse, sums);
        generic.affines(group, 15, made.shift, made.inverse, expected);
        EXPECT_TRUE(same_bits(sums, expected));
        std::vector<float> weights(n), expected_weights(n);
        kernels->weigh(made.x.data(), n, weights.data());
        generic.weigh(made.x.data(), n, expected_weights.data());
        EXPECT_EQ(weights, expected_weights);
        std::vector<int8_t> q(n), expected_q(n);
        kernels->round(made.x.data(), n, 0.1f, 9, {-8, 7}, q.data());
        generic.round(made.x.data(), n, 0.1f, 9, {-8, 7}, expected_q.data());
        EXPECT_EQ(q, expected_q);
      }
    }
  }
}

// Against the plainest way of saying it, in double.
TEST(Search, SumsAreThoseOfTheNearestIntegers) {
  const Numbers made = numbers(32, 3);
  for (const SearchKernels* kernels : all_search_kernels()) {
    double best_gain = 0, xq = 0, qq = 0;
    for (const float inverse : made.inverse) {
      double this_xq = 0, this_qq = 0;
      for (size_t i = 0; i < 32; ++i) {
        const double q = std::fmin(std::fmax(std::nearbyint(made.x[i] * inverse), -8), 7);
        this_xq += made.weights[i] * made.x[i] * q, this_qq += made.weights[i] * q * q;
      }
      if (this_qq == 0 || this_xq * this_xq / this_qq <= best_gain) continue;
      best_gain = this_xq * this_xq / this_qq, xq = this_xq, qq = this_qq;
    }
    const ScaleSums found = kernels->scales(made.group(), {-8, 7}, made.inverse);
    EXPECT_NEAR(found.xq, xq, 1e-4 * std::fabs(xq));
    EXPECT_NEAR(found.qq, qq, 1e-4 * qq);
  }
}

TEST(Search, CopiesAreFinite) {
  std::vector<float> x(16, 1), copy(16);
  x[0] = std::nanf(""), x[1] = INFINITY, x[2] = -INFINITY, x[3] = -3e38f;
  for (const SearchKernels* kernels : all_search_kernels()) {
    kernels->copy(x.data(), 16, copy.data());
    EXPECT_EQ(std::vector<float>(copy.begin(), copy.begin() + 5), (std::vector<float>{0, 1e9f, -1e9f, -1e9f, 1}));
  }
}

}  // namespace
}  // namespace quipu::quant
