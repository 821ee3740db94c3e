// Encodes any bytes with small vocabularies of each pre-tokeniser and of SentencePiece, and wants the text back.
// Input: a byte that picks the vocabulary, a byte of options, the text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../tests/tokenizer/small_vocab.h"
#include "base/check.h"
#include "text/utf8.h"
#include "tokenizer/pre/pre_tokenizer.h"
#include "tokenizer/spaces.h"

namespace {

using namespace quipu::tokenizer;

const std::vector<Tokenizer>& tokenizers() {
  static const std::vector<Tokenizer> all = [] {
    std::vector<Tokenizer> result;
    const auto add = [&result](SmallVocab small) {
      small.add("<|x|>", TokenType::control);
      small.add("<|x|", TokenType::control);
      small.add("[u]", TokenType::user_defined);
      small.add("  ", TokenType::user_defined);
      auto tokenizer = Tokenizer::from_vocab(small.vocab);
      QUIPU_CHECK(tokenizer.ok());
      result.push_back(*tokenizer);
    };
    const std::vector<std::string> merges = {"a a", "aa aa", "Ġ a", "Ġ Ġ", "a b", "b a", "aa b",
                                             "1 1", "11 1",  "Ã ©", "Ċ Ċ", "' s", "! !", "aab a"};
    for (const std::string_view pre : pre_tokenizer_names()) add(byte_vocab(pre, merges));
    add(piece_vocab({"▁", "a", "b", "▁a", "aa", "aab", "▁▁", "é", "ab", "ba", "\n", "▁▁▁▁", "aaaa"}));
    add(piece_vocab({"▁", "a", "b", "a▁b", "▁a", "aa", "▁▁", "😀"}));
    return result;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Tokenizer& tokenizer = tokenizers()[data[0] % tokenizers().size()];
  const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const EncodeOptions options{.parse_special = (data[1] & 1) != 0, .add_special = (data[1] & 2) != 0};
  const std::vector<Token> tokens = tokenizer.encode(text, options);
  const std::string decoded = tokenizer.decode(tokens, true);
  if (!tokenizer.adds_space_prefix()) {
    QUIPU_CHECK(decoded == text);
  } else if (!options.add_special && !options.parse_special) {
    // A space stands in front of each stretch of plain text, and "▁" became one.
    std::string expected = text, got = decoded;
    for (std::string* side : {&expected, &got}) {
      unescape_spaces(*side, 0);
      std::erase(*side, ' ');
    }
    QUIPU_CHECK(got == expected);
  }
  StreamDecoder decoder(tokenizer, true);
  std::string shown;
  for (const Token token : tokens) {
    const std::string part = decoder.push(token);
    QUIPU_CHECK(quipu::text::is_valid_utf8(part));
    shown += part;
  }
  QUIPU_CHECK(shown + decoder.finish() == quipu::text::replace_invalid(decoded));
  return 0;
}
