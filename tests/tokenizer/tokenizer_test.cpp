#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/tokenizer/records.h"
#include "tests/tokenizer/small_vocab.h"
#include "text/utf8.h"

namespace quipu::tokenizer {
namespace {

std::filesystem::path smollm2_path() {
  return std::filesystem::path(QUIPU_MODELS_DIR) / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

Tokenizer load(const std::filesystem::path& path) {
  const auto file = gguf::File::open(path);
  EXPECT_TRUE(file.ok()) << file.error().message;
  auto tokenizer = Tokenizer::from_gguf(*file);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return *tokenizer;
}

Tokenizer build(const SmallVocab& small) {
  auto tokenizer = Tokenizer::from_vocab(small.vocab);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return *tokenizer;
}

std::vector<std::string> pieces(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options = {}) {
  std::vector<std::string> result;
  for (const Token token : tokenizer.encode(text, options)) result.emplace_back(tokenizer.bytes(token, true));
  return result;
}

using Pieces = std::vector<std::string>;

TEST(Tokenizer, SmolLM2KnowsItsSpecialTokens) {
  if (!std::filesystem::exists(smollm2_path())) GTEST_SKIP() << "the model is not there: make chat";
  const Tokenizer tokenizer = load(smollm2_path());
  EXPECT_EQ(tokenizer.n_vocab(), 49152);
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_FALSE(tokenizer.adds_bos());
  EXPECT_EQ(tokenizer.find("<|im_start|>"), 1);
  EXPECT_EQ(tokenizer.find("<|im_end|>"), 2);
  EXPECT_TRUE(tokenizer.is_control(1));
  EXPECT_TRUE(tokenizer.is_end_of_generation(2));
  EXPECT_TRUE(tokenizer.is_end_of_generation(0));  // <|endoftext|>
  EXPECT_FALSE(tokenizer.is_end_of_generation(1));
  EXPECT_EQ(tokenizer.bytes(2, false), "");
  EXPECT_EQ(tokenizer.bytes(2, true), "<|im_end|>");
  EXPECT_EQ(tokenizer.bytes(*tokenizer.find(" the"), false), " the");
  EXPECT_TRUE(tokenizer.warnings().empty());
}

TEST(Tokenizer, Llama31KnowsItsSpecialTokens) {
  if (!std::filesystem::exists(reference_path("llama-3.1.gguf"))) GTEST_SKIP() << "run scripts/references.sh";
  const Tokenizer tokenizer = load(reference_path("llama-3.1.gguf"));
  EXPECT_TRUE(tokenizer.adds_bos());
  EXPECT_EQ(tokenizer.encode("", {.add_special = true}), std::vector<Token>{128000});
  for (const auto* name : {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"}) {
    ASSERT_TRUE(tokenizer.find(name)) << name;
    EXPECT_TRUE(tokenizer.is_end_of_generation(*tokenizer.find(name))) << name;
  }
  EXPECT_EQ(tokenizer.find("<|python_tag|>"), 128010);
  EXPECT_FALSE(tokenizer.is_end_of_generation(128010));
}

TEST(Tokenizer, SpecialTokensStayTextUnlessAsked) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  small.add("<|x|>", TokenType::control);
  small.add("<|x|><|", TokenType::control);
  small.add("[tool]", TokenType::user_defined);
  const Tokenizer tokenizer = build(small);
  EXPECT_EQ(pieces(tokenizer, "ab<|x|>ab", {.parse_special = true}), (Pieces{"ab", "<|x|>", "ab"}));
  EXPECT_EQ(pieces(tokenizer, "ab<|x|>"), (Pieces{"ab", "<", "|", "x", "|", ">"}));
  EXPECT_EQ(pieces(tokenizer, "ab[tool]ab"), (Pieces{"ab", "[tool]", "ab"}));
  // The longest token wins, then the text goes on behind it.
  EXPECT_EQ(pieces(tokenizer, "<|x|><|x|>", {.parse_special = true}), (Pieces{"<|x|><|", "x", "|", ">"}));
  EXPECT_EQ(pieces(tokenizer, "<|x|><", {.parse_special = true}), (Pieces{"<|x|>", "<"}));
  EXPECT_EQ(pieces(tokenizer, "<|x<|x|>", {.parse_special = true}), (Pieces{"<", "|", "x", "<|x|>"}));
}

TEST(Tokenizer, BosAndEosStandAroundTheText) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  small.vocab.bos_token_id = small.add("<B>", TokenType::control);
  small.vocab.eos_token_id = small.add("<E>", TokenType::control);
  EXPECT_EQ(pieces(build(small), "ab", {.add_special = true}), (Pieces{"ab"}));
  small.vocab.add_bos_token = true;
  EXPECT_EQ(pieces(build(small), "ab", {.add_special = true}), (Pieces{"<B>", "ab"}));
  small.vocab.add_eos_token = true;
  EXPECT_EQ(pieces(build(small), "ab", {.add_special = true}), (Pieces{"<B>", "ab", "<E>"}));
  EXPECT_EQ(pieces(build(small), "ab"), (Pieces{"ab"}));
  EXPECT_TRUE(build(small).is_end_of_generation(static_cast<Token>(*small.vocab.eos_token_id)));
}

TEST(Tokenizer, SentencePiecePutsASpaceInFrontOfTextAndBehindSpecialTokens) {
  SmallVocab small = piece_vocab({"▁a", "▁", "a", "b", "▁▁"});
  const Tokenizer tokenizer = build(small);
  EXPECT_TRUE(tokenizer.adds_space_prefix());
  EXPECT_EQ(pieces(tokenizer, "ab"), (Pieces{" a", "b"}));
  EXPECT_EQ(pieces(tokenizer, "a<s>a", {.parse_special = true, .add_special = true}),
            (Pieces{"<s>", " a", "<s>", " a"}));
  EXPECT_TRUE(tokenizer.encode("", {}).empty());
  EXPECT_EQ(pieces(tokenizer, "b▁a"), (Pieces{" ", "b", " a"}));  // U+2581 in a text is a space
  small.vocab.add_space_prefix = false;
  EXPECT_EQ(pieces(build(small), "ab"), (Pieces{"a", "b"}));
}

TEST(Tokenizer, SentencePieceFallsBackToBytes) {
  const Tokenizer tokenizer = build(piece_vocab({"a"}));
  EXPECT_EQ(pieces(tokenizer, "é"), (Pieces{"\xE2", "\x96", "\x81", "\xC3", "\xA9"}));
  EXPECT_EQ(pieces(tokenizer, "a\xFF").back(), "\xFF");
}

TEST(Tokenizer, Phi3SwallowsWhiteSpaceBehindItsSpecialTokens) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  small.add("<|user|>", TokenType::control);
  small.add("<|endoftext|>", TokenType::control);
  small.vocab.model_name = "Phi-3-mini";
  const Tokenizer tokenizer = build(small);
  EXPECT_EQ(pieces(tokenizer, "<|user|> \n\u00A0 ab", {.parse_special = true}), (Pieces{"<|user|>", "ab"}));
  EXPECT_EQ(pieces(tokenizer, "<|endoftext|> ab", {.parse_special = true}).size(), 3u);
  small.vocab.model_name = "Other";
  EXPECT_EQ(pieces(build(small), "<|user|> ab", {.parse_special = true}).size(), 3u);
}

TEST(Tokenizer, EndsThatTheFileCallsNormalAreControlTokens) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  const Token end = small.add("<|im_end|>");
  const Token word = small.add("</s>");
  const Tokenizer tokenizer = build(small);
  EXPECT_TRUE(tokenizer.is_control(end));
  EXPECT_TRUE(tokenizer.is_end_of_generation(end));
  EXPECT_EQ(tokenizer.encode("<|im_end|>", {.parse_special = true}), std::vector<Token>{end});
  EXPECT_FALSE(tokenizer.is_end_of_generation(word));
}

TEST(Tokenizer, HarmonyMessagesEndWithoutEndingTheAnswer) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  const Token end = small.add("<|end|>", TokenType::control);
  EXPECT_TRUE(build(small).is_end_of_generation(end));
  const Token back = small.add("<|return|>", TokenType::control);
  const Token call = small.add("<|call|>", TokenType::control);
  const Tokenizer tokenizer = build(small);
  EXPECT_FALSE(tokenizer.is_end_of_generation(end));
  EXPECT_TRUE(tokenizer.is_end_of_generation(back));
  EXPECT_TRUE(tokenizer.is_end_of_generation(call));
}

TEST(Tokenizer, ByteLevelGivesBackEveryText) {
  const Tokenizer tokenizer = build(byte_vocab("llama-bpe", {"a b", "Ġ a", "Ã ©", "ab ab"}));
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (uint32_t n = random() % 40; n > 0; --n)
      text += i % 2 == 0 ? static_cast<char>(random()) : " ab\n\xC3\xA9'1"[random() % 8];
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, {}), true), text);
  }
}

TEST(StreamDecoder, HandsOutWholeCharactersOnly) {
  const Tokenizer tokenizer = build(byte_vocab("gpt-2", {"a b"}));
  const std::string text =
      "a€😀é\xF0\x9F\xE2\x82z\xFF"
      "b中";
  for (size_t size = 0; size <= text.size(); ++size) {
    StreamDecoder decoder(tokenizer);
    std::string shown;
    for (const Token token : tokenizer.encode(text.substr(0, size), {})) {
      const std::string part = decoder.push(token);
      ASSERT_TRUE(text::is_valid_utf8(part));
      shown += part;
      ASSERT_TRUE(text::replace_invalid(text).compare(0, shown.size(), shown) == 0);
    }
    shown += decoder.finish();
    ASSERT_EQ(shown, text::replace_invalid(text.substr(0, size)));
    ASSERT_EQ(decoder.finish(), "");
  }
}

TEST(StreamDecoder, ShowsControlTokensOnlyIfAsked) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  const Token end = small.add("<|im_end|>", TokenType::control);
  const Tokenizer tokenizer = build(small);
  EXPECT_EQ(StreamDecoder(tokenizer).push(end), "");
  EXPECT_EQ(StreamDecoder(tokenizer, true).push(end), "<|im_end|>");
}

}  // namespace
}  // namespace quipu::tokenizer
