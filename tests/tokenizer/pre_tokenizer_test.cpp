#include "tokenizer/pre/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/tokenizer/records.h"

namespace quipu::tokenizer {
namespace {

std::vector<std::string> words_of(const PreTokenizer& pre, std::string_view text) {
  std::vector<std::string> words;
  for_each_word(pre, text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST(PreTokenizer, WordsEqualThoseOfTheRegularExpressions) {
  const auto path = reference_path("words.json");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no reference values: run scripts/references.sh tokenizer_words";
  const auto reference = nlohmann::json::parse(file_bytes(path));
  const auto texts = reference.at("texts").get<std::vector<std::string>>();
  ASSERT_GE(texts.size(), 4000u);
  for (const auto& [name, lists] : reference.at("words").items()) {
    const auto pre = find_pre_tokenizer(name);
    ASSERT_TRUE(pre.ok()) << pre.error().message;
    size_t n_different = 0;
    for (size_t i = 0; i < texts.size() && n_different < 3; ++i) {
      std::vector<std::string> expected;
      size_t begin = 0;
      for (const size_t size : lists[i].get<std::vector<size_t>>()) {
        expected.push_back(texts[i].substr(begin, size));
        begin += size;
      }
      const auto words = words_of(*pre, texts[i]);
      EXPECT_EQ(words, expected) << name << ": text " << i;
      n_different += words != expected;
    }
  }
}

TEST(PreTokenizer, AnUnknownNameIsAnErrorThatListsTheKnown) {
  const auto pre = find_pre_tokenizer("llama-9");
  ASSERT_FALSE(pre.ok());
  EXPECT_EQ(pre.error().kind, ErrorKind::unsupported);
  EXPECT_NE(pre.error().message.find("\"llama-9\""), std::string::npos);
  EXPECT_NE(pre.error().message.find("llama-bpe"), std::string::npos);
}

}  // namespace
}  // namespace quipu::tokenizer
