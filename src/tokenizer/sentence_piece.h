// SentencePiece's BPE model (`llama`): merges by the score of the token that they make.
// Source: Kudo, Richardson, "SentencePiece: A simple and language independent subword tokenizer" (2018).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/byte_index.h"
#include "tokenizer/merge.h"

namespace quipu::tokenizer {

class SentencePiece {
 public:
  static Result<SentencePiece> build(const Vocab& vocab, const TokenTable& table);

  // Appends the tokens of a text without special tokens, in which spaces are plain ("▁" was replaced). A character that
  // no token stands for becomes its bytes' tokens ("<0x41>"), or where the vocabulary has none, the unknown token, one
  // for each stretch of such characters.
  void encode(const TokenTable& table, std::string_view text, std::vector<Token>& out) const;

  [[nodiscard]] const ByteIndex& index() const { return index_; }

 private:
  void encode_word(const TokenTable& table, std::string_view word, Merger& merger, std::vector<Token>& out) const;
  void append_unknown(std::string_view bytes, std::vector<Token>& out) const;

  ByteIndex index_;
  std::vector<uint32_t> priorities_;  // of merges that make the token: the higher its score, the lower
  size_t max_token_size_ = 0;         // in bytes
  bool splits_at_spaces_ = false;     // no token has a space after another character: no merge crosses one
  bool has_byte_tokens_ = false;
  std::array<Token, 256> byte_tokens_{};
  Token unknown_ = kNoToken;
};

}  // namespace quipu::tokenizer
