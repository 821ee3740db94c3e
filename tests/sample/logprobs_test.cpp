#include "sample/logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quipu::sample {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(LogSoftmax, OfUniformAndSkewedRows) {
  const std::vector<float> uniform(1000, 12345.0f);
  const auto flat = LogSoftmax::of(uniform);
  EXPECT_FLOAT_EQ(flat->logprob(3), -std::log(1000.0f));
  // p = 1/2, 1/4, 1/8, 1/8, whatever is added to all of them
  const float ln2 = std::log(2.0f);
  const std::vector<float> row{3 * ln2, 2 * ln2, ln2, ln2};
  const auto skewed = LogSoftmax::of(row);
  const float bits[] = {1, 2, 3, 3};
  for (const Token t : {0, 1, 2, 3}) EXPECT_NEAR(skewed->logprob(t), -ln2 * bits[t], 1e-6);
}

TEST(LogSoftmax, TopPutsLowerIdsFirstAmongEquals) {
  const std::vector<float> row{1, 5, 3, 5, 3, -kInf};
  const auto rows = LogSoftmax::of(row);
  const auto ids = [](const std::vector<TokenLogprob>& top) {
    std::vector<Token> result;
    for (const auto& t : top) result.push_back(t.id);
    return result;
  };
  EXPECT_EQ(ids(rows->top(3)), (std::vector<Token>{1, 3, 2}));
  EXPECT_EQ(ids(rows->top(100)), (std::vector<Token>{1, 3, 2, 4, 0, 5}));
  EXPECT_TRUE(rows->top(0).empty());
  EXPECT_EQ(rows->top(6)[5].logprob, -kInf);
  EXPECT_EQ(rows->top(1)[0].logprob, rows->logprob(1));
}

TEST(LogSoftmax, RefusesRowsWithoutProbabilities) {
  EXPECT_THAT(LogSoftmax::of(std::vector<float>{0, std::nanf(""), 1}).error().message,
              testing::HasSubstr("the logit of token 1 is nan"));
  EXPECT_FALSE(LogSoftmax::of(std::vector<float>{0, kInf}).ok());
  EXPECT_FALSE(LogSoftmax::of(std::vector<float>{-kInf, -kInf}).ok());
}

}  // namespace
}  // namespace quipu::sample
