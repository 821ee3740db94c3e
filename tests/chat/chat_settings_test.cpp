#include "chat/chat_settings.h"

#include <gtest/gtest.h>

#include "sample/settings.h"

namespace quipu::chat {
namespace {

TEST(ChatSettings, EveryNumberOfTheSamplingIsOne) {
  for (const sample::Setting& setting : sample::settings()) EXPECT_TRUE(is_setting(setting.name)) << setting.name;
}

// What a chat's file says of its settings is read back as the same.
TEST(ChatSettings, ValuesComeBackThroughTheirText) {
  engine::GenerateOptions options;
  ASSERT_TRUE(set_setting(options, "temperature", "0.25").ok());
  ASSERT_TRUE(set_setting(options, "samplers", "top_k; temperature").ok());
  ASSERT_TRUE(set_setting(options, "logit_bias", "5+1.5,7-inf").ok());
  ASSERT_TRUE(set_setting(options, "dry_sequence_breakers", R"(["\n", "a b"])").ok());
  ASSERT_TRUE(set_setting(options, "stop", R"(["END"])").ok());
  ASSERT_TRUE(set_setting(options, "n_predict", "-2").ok());
  engine::GenerateOptions copy;
  for (const auto& [name, value] : changed_settings(options)) {
    EXPECT_TRUE(set_setting(copy, name, value).ok()) << name << " " << value;
  }
  EXPECT_EQ(changed_settings(options).size(), 6U);
  EXPECT_EQ(changed_settings(copy), changed_settings(options));
  EXPECT_EQ(copy.sampling.logit_bias, options.sampling.logit_bias);
  EXPECT_EQ(copy.sampling.dry_sequence_breakers, (std::vector<std::string>{"\n", "a b"}));
}

TEST(ChatSettings, WrongValuesChangeNothing) {
  engine::GenerateOptions options;
  for (const auto& [name, value] : {std::pair("top_p", "1.5"),
                                    {"samplers", "top_k; tepid"},
                                    {"logit_bias", "5"},
                                    {"stop", "END"},
                                    {"stop", R"([""])"},
                                    {"n_predict", "-3"},
                                    {"n_predict", "1x"},
                                    {"dry_sequence_breakers", R"(["a", 1])"}}) {
    EXPECT_FALSE(set_setting(options, name, value).ok()) << name << " " << value;
  }
  EXPECT_TRUE(changed_settings(options).empty());
}

TEST(ChatSettings, NamesOfFlagsAndSlipsOfTheHand) {
  EXPECT_EQ(setting_name("temp"), "temperature");
  EXPECT_EQ(setting_name("top-k"), "top_k");
  EXPECT_NE(unknown_setting("tempreature").message.find("did you mean temperature?"), std::string::npos);
  EXPECT_NE(unknown_setting("qqqqqq").message.find("/show lists them"), std::string::npos);
  EXPECT_NE(unknown_setting(std::string(1'000'000, 'x')).message.find("/show"), std::string::npos);
}

}  // namespace
}  // namespace quipu::chat
