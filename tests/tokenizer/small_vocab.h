// Vocabularies small enough to know by heart.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

namespace quipu::tokenizer {

// Owns the strings that its Vocab points to.
class SmallVocab {
 public:
  Vocab vocab;

  Token add(std::string_view text, TokenType type = TokenType::normal, float score = 0) {
    vocab.tokens.push_back(keep(text));
    vocab.token_types.push_back(static_cast<int32_t>(type));
    if (vocab.model == "llama") vocab.scores.push_back(score);
    return static_cast<Token>(vocab.tokens.size() - 1);
  }
  void add_merge(std::string_view merge) { vocab.merges.push_back(keep(merge)); }
  std::string_view keep(std::string_view text) { return strings_.emplace_back(text); }

 private:
  std::deque<std::string> strings_;
};

// Byte-level BPE: the 256 bytes in the order of the byte alphabet's code points, then what the merges make.
inline SmallVocab byte_vocab(std::string_view pre, const std::vector<std::string>& merges) {
  SmallVocab small;
  small.vocab.model = "gpt2";
  small.vocab.pre = pre;
  for (uint32_t c = 0; c < 0x144; ++c) {
    const bool in_alphabet = (c > ' ' && c < 0x7F) || (c > 0xA0 && c != 0xAD);
    if (!in_alphabet) continue;
    std::string text;
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else {
      text += static_cast<char>(0xC0 | c >> 6);
      text += static_cast<char>(0x80 | (c & 0x3F));
    }
    small.add(text);
  }
  for (const std::string& merge : merges) {
    small.add_merge(merge);
    std::string whole = merge;
    whole.erase(merge.find(' '), 1);
    small.add(whole);
  }
  return small;
}

// SentencePiece: <unk>, <s>, </s>, the 256 byte tokens, then `pieces`, each better than the next.
inline SmallVocab piece_vocab(const std::vector<std::string>& pieces) {
  SmallVocab small;
  small.vocab.model = "llama";
  small.add("<unk>", TokenType::unknown);
  small.add("<s>", TokenType::control);
  small.add("</s>", TokenType::control);
  for (int byte = 0; byte < 256; ++byte) {
    const char* digits = "0123456789ABCDEF";
    small.add(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">", TokenType::byte);
  }
  float score = 0;
  for (const std::string& piece : pieces) small.add(piece, TokenType::normal, score -= 1);
  return small;
}

}  // namespace quipu::tokenizer
