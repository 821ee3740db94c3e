#include "sample/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace quipu::sample {
namespace {

using testing::HasSubstr;

TEST(Settings, EveryDefaultReadsBack) {
  std::set<std::string_view> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    SamplingParams params;
    const std::string before = value_of(params, setting);
    EXPECT_TRUE(set_text(params, setting, before).ok()) << setting.name;
    EXPECT_EQ(value_of(params, setting), before) << setting.name;
    EXPECT_EQ(find_setting(setting.name), &setting);
  }
  EXPECT_EQ(find_setting("top_q"), nullptr);
}

TEST(Settings, TextsAreChecked) {
  SamplingParams params;
  const auto error = [&](const char* name, std::string_view text) {
    const auto status = set_text(params, *find_setting(name), text);
    return status.ok() ? std::string("no error") : status.error().message;
  };
  EXPECT_EQ(error("top_p", "0.5"), "no error");
  EXPECT_EQ(params.top_p, 0.5f);
  EXPECT_EQ(error("top_p", "1.5"), "top_p is 1.5, but must be from 0 to 1");
  EXPECT_EQ(error("top_p", "abc"), "top_p: 'abc' is not a number");
  EXPECT_EQ(error("top_p", ""), "top_p: '' is not a number");
  EXPECT_EQ(error("top_p", "0.5x"), "top_p: '0.5x' is not a number");
  EXPECT_EQ(error("top_p", "nan"), "top_p is nan, but must be from 0 to 1");
  EXPECT_EQ(error("temperature", "inf"), "temperature is inf, but must be 0 or more");
  EXPECT_THAT(error("temperature", "1e999"), HasSubstr("but must be 0 or more"));
  EXPECT_THAT(error("temperature", "1e300"), HasSubstr("but must be 0 or more"));
  EXPECT_EQ(error("top_k", "40.5"), "top_k: 40.5 is not a whole number");
  EXPECT_EQ(error("top_k", "+40"), "no error");
  EXPECT_EQ(error("top_k", "4000000000"), "top_k is 4000000000, but must be -1 or more");
  EXPECT_EQ(error("mirostat", "3"), "mirostat is 3, but must be from 0 to 2");
  EXPECT_EQ(params.top_p, 0.5f);
}

TEST(Settings, Seeds) {
  SamplingParams params;
  const Setting& seed = *find_setting("seed");
  EXPECT_TRUE(set_text(params, seed, "18446744073709551614").ok());
  EXPECT_EQ(params.seed, 18446744073709551614U);
  EXPECT_TRUE(set_text(params, seed, "-1").ok());
  EXPECT_EQ(params.seed, UINT64_MAX);
  EXPECT_EQ(value_of(params, seed), "-1");
  EXPECT_TRUE(set_number(params, seed, 42).ok());
  EXPECT_EQ(params.seed, 42U);
  EXPECT_FALSE(set_text(params, seed, "1.5").ok());
  EXPECT_FALSE(set_text(params, seed, "99999999999999999999").ok());
  EXPECT_FALSE(set_number(params, seed, std::nan("")).ok());
  EXPECT_FALSE(set_number(params, seed, 1.5).ok());
}

}  // namespace
}  // namespace quipu::sample
