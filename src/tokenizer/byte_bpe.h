// Byte-level BPE (`gpt2`): words by the pre-tokeniser, then merges by rank within each.
// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/pair_table.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

class ByteBpe {
 public:
  static Result<ByteBpe> build(const Vocab& vocab, const TokenTable& table);

  // Appends the tokens of a text without special tokens. A byte that no token stands for is left out, as in Hugging
  // Face's tokenizers (vocabularies trained on UTF-8 lack bytes that it has no use for).
  void encode(const TokenTable& table, std::string_view text, std::vector<Token>& out) const;

  [[nodiscard]] const PreTokenizer& pre() const { return pre_; }
  [[nodiscard]] const ByteIndex& index() const { return index_; }

 private:
  void encode_word(const TokenTable& table, std::string_view word, Merger& merger, std::vector<Token>& out) const;

  PreTokenizer pre_;
  ByteIndex index_;
  PairTable pairs_;
  std::array<Token, 256> byte_tokens_{};
};

}  // namespace quipu::tokenizer
