// What files can claim: each gets an error that names it, or behaviour that is written down.
#include <gtest/gtest.h>

#include <limits>

#include "tests/tokenizer/small_vocab.h"
#include "tokenizer/hash.h"
#include "tokenizer/special_tokens.h"

namespace quipu::tokenizer {
namespace {

SmallVocab good_bytes() {
  return byte_vocab("gpt-2", {"a b", "ab c"});
}

std::string error_of(const SmallVocab& small) {
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  return tokenizer.ok() ? "no error" : tokenizer.error().message;
}

TEST(HostileVocab, TheSmallVocabulariesThemselvesAreGood) {
  EXPECT_EQ(error_of(good_bytes()), "no error");
  EXPECT_EQ(error_of(piece_vocab({"a", "b", "ab"})), "no error");
}

TEST(HostileVocab, UnknownModelIsNamedWithTheKnownOnes) {
  SmallVocab small = good_bytes();
  small.vocab.model = "rwkv";
  EXPECT_EQ(error_of(small).substr(0, 32), "tokenizer.ggml.model is \"rwkv\"; ");
  small.vocab.model = "";
  EXPECT_NE(error_of(small), "no error");
}

TEST(HostileVocab, UnknownPreTokeniserIsNamed) {
  SmallVocab small = good_bytes();
  small.vocab.pre = "no-such";
  EXPECT_NE(error_of(small).find("unknown pre-tokeniser \"no-such\"; known are default, gpt-2"), std::string::npos);
}

TEST(HostileVocab, NoTokens) {
  SmallVocab small;
  small.vocab.model = "gpt2";
  EXPECT_EQ(error_of(small), "tokenizer.ggml.tokens is missing or empty");
  small.vocab.model = "llama";
  EXPECT_EQ(error_of(small), "tokenizer.ggml.tokens is missing or empty");
}

TEST(HostileVocab, ArraysOfOtherLengths) {
  SmallVocab small = good_bytes();
  small.vocab.token_types.pop_back();
  EXPECT_EQ(error_of(small), "tokenizer.ggml.token_type has 257 entries for 258 tokens");
  SmallVocab pieces = piece_vocab({"a"});
  pieces.vocab.scores.push_back(1);
  EXPECT_EQ(error_of(pieces), "tokenizer.ggml.scores has 261 entries for 260 tokens");
  pieces.vocab.scores.clear();
  EXPECT_EQ(error_of(pieces), "tokenizer.ggml.scores is missing");
}

TEST(HostileVocab, IdsOutOfRange) {
  const auto with = [](auto field, int64_t id) {
    SmallVocab small = good_bytes();
    small.vocab.*field = id;
    return error_of(small);
  };
  EXPECT_EQ(with(&Vocab::bos_token_id, 258), "tokenizer.ggml.bos_token_id is 258, but the vocabulary has 258 tokens");
  EXPECT_EQ(with(&Vocab::eos_token_id, -1), "tokenizer.ggml.eos_token_id is -1, but the vocabulary has 258 tokens");
  EXPECT_EQ(with(&Vocab::eot_token_id, int64_t{1} << 32).substr(0, 41), "tokenizer.ggml.eot_token_id is 4294967296");
  EXPECT_NE(with(&Vocab::eom_token_id, std::numeric_limits<int64_t>::max()), "no error");
  EXPECT_NE(with(&Vocab::unknown_token_id, std::numeric_limits<int64_t>::min()), "no error");
  EXPECT_EQ(with(&Vocab::eos_token_id, 257), "no error");
}

TEST(HostileVocab, MergesThatDoNotFitTheTokens) {
  const auto with = [](std::string_view merge) {
    SmallVocab small = good_bytes();
    small.add_merge(merge);
    return error_of(small);
  };
  EXPECT_EQ(with("x y"), "tokenizer.ggml.merges: merge 2 (\"x y\") makes a token that the vocabulary does not have");
  EXPECT_EQ(with("xy z"), "tokenizer.ggml.merges: merge 2 (\"xy z\") names a token that the vocabulary does not have");
  EXPECT_EQ(with("ab"), "tokenizer.ggml.merges: merge 2 (\"ab\") is not two tokens with a space between");
  EXPECT_EQ(with(""), "tokenizer.ggml.merges: merge 2 (\"\") is not two tokens with a space between");
  EXPECT_EQ(with(" ab"), "tokenizer.ggml.merges: merge 2 (\" ab\") is not two tokens with a space between");
  EXPECT_EQ(with("ab "), "tokenizer.ggml.merges: merge 2 (\"ab \") is not two tokens with a space between");
  EXPECT_EQ(with("a b c"),
            "tokenizer.ggml.merges: merge 2 (\"a b c\") has characters that are not of the byte alphabet");
  EXPECT_NE(with("a \xFF").find("not of the byte alphabet"), std::string::npos);
  EXPECT_NE(with("a \xE2\x96\x81").find("not of the byte alphabet"), std::string::npos);
  SmallVocab none = good_bytes();
  none.vocab.merges.clear();
  EXPECT_EQ(error_of(none), "tokenizer.ggml.merges is missing or empty");
}

TEST(HostileVocab, OfEqualMergesTheFirstCounts) {
  SmallVocab small = byte_vocab("gpt-2", {"b c", "a b"});
  small.add_merge("b c");
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  const auto tokens = tokenizer->encode("abc", {});
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokenizer->bytes(tokens[1], false), "bc");
}

TEST(HostileVocab, PlainTextNeverMergesIntoAControlToken) {
  SmallVocab small = byte_vocab("gpt-2", {"< |", "<| >"});
  small.vocab.token_types.back() = static_cast<int32_t>(TokenType::control);
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("<|>", {}).size(), 2u);
  EXPECT_EQ(tokenizer->encode("<|>", {.parse_special = true}).size(), 1u);

  SmallVocab pieces = piece_vocab({"<", "s", ">", "<s"});  // "<s" and ">" would make the control token "<s>"
  pieces.vocab.add_space_prefix = false;
  const auto sentence_piece = Tokenizer::from_vocab(pieces.vocab);
  ASSERT_TRUE(sentence_piece.ok());
  EXPECT_EQ(sentence_piece->encode("<s>", {}).size(), 2u);
  EXPECT_EQ(sentence_piece->encode("<s>", {.parse_special = true}), std::vector<Token>{1});
}

TEST(HostileVocab, EmptyTokensAreNeverMadeAndDecodeToNothing) {
  for (const TokenType type : {TokenType::normal, TokenType::control, TokenType::user_defined, TokenType::byte}) {
    SmallVocab small = good_bytes();
    const Token empty = small.add("", type);
    const auto tokenizer = Tokenizer::from_vocab(small.vocab);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    EXPECT_EQ(tokenizer->bytes(empty, true), "");
    EXPECT_EQ(tokenizer->encode("abc", {.parse_special = true}).size(), 1u);
    EXPECT_EQ(tokenizer->find(""), std::nullopt);
    EXPECT_TRUE(tokenizer->encode("", {.parse_special = true}).empty());
  }
}

TEST(HostileVocab, OfEqualTokensTheFirstNormalOneIsMade) {
  SmallVocab small = byte_vocab("gpt-2", {"a b"});
  const Token first = small.vocab.tokens.size() - 1;
  const Token again = small.add("ab");
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->encode("ab", {}), std::vector<Token>{first});
  EXPECT_EQ(tokenizer->bytes(again, false), "ab");

  SmallVocab user_defined_first;
  user_defined_first.vocab.model = "llama";
  user_defined_first.add("<unk>", TokenType::unknown);
  user_defined_first.add("x", TokenType::unused);
  user_defined_first.add("x", TokenType::normal);
  user_defined_first.vocab.add_space_prefix = false;
  const auto pieces = Tokenizer::from_vocab(user_defined_first.vocab);
  ASSERT_TRUE(pieces.ok());
  EXPECT_EQ(pieces->encode("x", {}), std::vector<Token>{2});
}

TEST(HostileVocab, UnknownTypesCountAsUndefined) {
  SmallVocab small = good_bytes();
  small.vocab.token_types[0] = 77;
  small.vocab.token_types[1] = -1;
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->encode("!\"", {}), (std::vector<Token>{0, 1}));
}

TEST(HostileVocab, AMissingByteIsLeftOut) {
  SmallVocab small = good_bytes();
  small.vocab.tokens['!' - '!'] = "!!";  // now "!" has no token
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("x!y", {}), true), "xy");
}

TEST(HostileVocab, ScoresThatAreNoNumbersComeLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  SmallVocab small = piece_vocab({"a", "b", "c"});
  small.add("ab", TokenType::normal, nan);
  small.add("bc", TokenType::normal, -infinity);
  small.vocab.add_space_prefix = false;
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  const auto tokens = tokenizer->encode("abc", {});
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokenizer->bytes(tokens[1], false), "bc");
  EXPECT_EQ(tokenizer->encode("ab", {}).size(), 1u);
}

TEST(HostileVocab, WithoutByteTokensAStretchOfUnknownCharactersIsOneUnknown) {
  SmallVocab small;
  small.vocab.model = "llama";
  small.add("<unk>", TokenType::unknown);
  small.add("a");
  small.vocab.add_space_prefix = false;
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->encode("a€é\xFF"
                              "a€",
                              {}),
            (std::vector<Token>{1, 0, 1, 0}));
  small.vocab.tokens[0] = "u";
  small.vocab.token_types[0] = 1;  // no unknown token either
  const auto without = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(without->encode("a€a", {}), (std::vector<Token>{1, 1}));
}

TEST(HostileVocab, ByteTokensThatNameNoByteAreText) {
  SmallVocab small = piece_vocab({});
  const Token odd = small.add("<0xZZ>", TokenType::byte);
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(tokenizer->bytes(odd, false), "<0xZZ>");
  EXPECT_EQ(tokenizer->bytes(3 + 0x41, false), "A");
}

TEST(HostileVocab, ASpecialTokenThatIsTooLong) {
  SmallVocab small = good_bytes();
  small.add(std::string(SpecialTokens::kMaxSize, '<'), TokenType::control);
  EXPECT_EQ(error_of(small), "no error");
  small.add(std::string(SpecialTokens::kMaxSize + 1, '<'), TokenType::control);
  EXPECT_EQ(error_of(small), "special token 259 has 257 bytes; at most 256 are supported");
}

TEST(HostileVocab, BosThatIsAskedForButMissingIsAWarning) {
  SmallVocab small = good_bytes();
  small.vocab.add_bos_token = true;
  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_FALSE(tokenizer->adds_bos());
  ASSERT_EQ(tokenizer->warnings().size(), 1u);
  EXPECT_TRUE(tokenizer->encode("", {.add_special = true}).empty());
}

TEST(HostileVocab, OutOfRangeTokensHaveNoBytes) {
  const auto tokenizer = Tokenizer::from_vocab(good_bytes().vocab);
  ASSERT_TRUE(tokenizer.ok());
  for (const Token token : {-1, 258, std::numeric_limits<Token>::max(), std::numeric_limits<Token>::min()}) {
    EXPECT_EQ(tokenizer->bytes(token, true), "");
    EXPECT_FALSE(tokenizer->is_control(token));
    EXPECT_FALSE(tokenizer->is_end_of_generation(token));
  }
}

}  // namespace
}  // namespace quipu::tokenizer
