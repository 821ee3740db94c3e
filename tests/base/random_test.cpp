#include "base/random.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace quipu {
namespace {

TEST(Random, GivesTheNumbersOfNumpysPhilox) {
  std::ifstream file(QUIPU_REFERENCES_DIR "/base/random.txt");
  if (!file) GTEST_SKIP() << "scripts/references.sh has not made base/random.txt";
  uint64_t seed = 0;
  std::string what, value;
  size_t n_lines = 0;
  while (file >> seed >> what >> value) {
    ++n_lines;
    Random random(seed);
    if (what == "double") {
      EXPECT_EQ(random.uniform(), std::strtod(value.c_str(), nullptr)) << "seed " << seed;
      continue;
    }
    for (unsigned long n = std::stoul(what); n > 0; --n) random.next();
    EXPECT_EQ(random.next(), std::stoull(value)) << "seed " << seed << ", number " << what;
  }
  EXPECT_EQ(n_lines, 54u);
}

TEST(Random, UniformStaysInItsIntervalAndHasItsMoments) {
  Random random(3);
  const int n = 200000;
  double sum = 0.0, sum_of_squares = 0.0;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    sum_of_squares += u * u;
  }
  // Five standard errors: sqrt(1/12/n) of the mean, sqrt(4/45/n) of the second moment.
  EXPECT_NEAR(sum / n, 0.5, 5 * 0.000646);
  EXPECT_NEAR(sum_of_squares / n, 1.0 / 3, 5 * 0.000667);
}

TEST(Random, CopiesContinueWhereTheOriginalStood) {
  Random random(9);
  random.next();
  Random copy = random;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(copy.next(), random.next());
}

TEST(Random, SystemSeedsDiffer) {
  EXPECT_NE(random_seed(), random_seed());
}

}  // namespace
}  // namespace quipu
