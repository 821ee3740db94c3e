// A megabyte of one thing takes time like a megabyte of prose: tens of milliseconds per character class would already
// show here, a quadratic step takes minutes. The limit leaves room for sanitizers and a busy machine.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <random>

#include "tests/tokenizer/records.h"
#include "tests/tokenizer/small_vocab.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;
constexpr std::chrono::seconds kLimit{20};

std::vector<std::string> long_texts(size_t size) {
  std::vector<std::string> texts;
  for (const char* unit : {"a",     " ",    "\n",           "\t",     "7",  "=",   "<",  "'", "😀",
                           "中",    "é",    "a\u0301",      "\u00A0", "'s", " \n", "a ", "A", "Aa",
                           "<|im_", "\xFF", "\xE2\x96\x81", "中A",    "١"}) {
    std::string& text = texts.emplace_back();
    while (text.size() < size) text += unit;
  }
  std::mt19937 random(3);
  for (const int n_letters : {2, 26, 256}) {
    std::string& text = texts.emplace_back();
    for (size_t i = 0; i < size; ++i)
      text += static_cast<char>(n_letters == 256 ? random() : 'a' + random() % n_letters);
  }
  return texts;
}

void check(const Tokenizer& tokenizer, const std::string& name, size_t size) {
  for (const std::string& text : long_texts(size)) {
    const auto start = std::chrono::steady_clock::now();
    const auto tokens = tokenizer.encode(text, {.parse_special = true});
    EXPECT_LT(std::chrono::steady_clock::now() - start, kLimit) << name << ": " << text.substr(0, 8);
    EXPECT_FALSE(tokens.empty());
  }
}

TEST(LongText, RealVocabularies) {
  for (const auto& path : {reference_path("llama-3.1.gguf"), llama_cpp_models() / "ggml-vocab-llama-spm.gguf"}) {
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no vocabularies: run scripts/references.sh tokenizer_ids";
    const auto file = gguf::File::open(path);
    ASSERT_TRUE(file.ok());
    const auto tokenizer = Tokenizer::from_gguf(*file);
    ASSERT_TRUE(tokenizer.ok());
    check(*tokenizer, path.filename(), kMegabyte);
  }
}

TEST(LongText, EveryPreTokeniser) {
  for (const std::string_view pre : pre_tokenizer_names()) {
    const auto tokenizer = Tokenizer::from_vocab(byte_vocab(pre, {"a a", "aa aa"}).vocab);
    ASSERT_TRUE(tokenizer.ok());
    check(*tokenizer, std::string(pre), kMegabyte / 4);
  }
}

}  // namespace
}  // namespace quipu::tokenizer
