#include "tokenizer/byte_bpe.h"

#include <algorithm>

namespace quipu::tokenizer {

Result<ByteBpe> ByteBpe::build(const Vocab& vocab, const TokenTable& table) {
  ByteBpe bpe;
  QUIPU_TRY(bpe.pre_, find_pre_tokenizer(vocab.pre));
  QUIPU_TRY(bpe.index_, ByteIndex::build(table));
  if (vocab.merges.empty()) return invalid_input("tokenizer.ggml.merges is missing or empty");
  QUIPU_TRY(bpe.pairs_, PairTable::build(vocab.merges, table, bpe.index_));
  for (size_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const Token token = bpe.index_.find(table, {&c, 1});
    const bool plain =
        token != kNoToken && table.type(token) != TokenType::control && table.type(token) != TokenType::unknown;
    bpe.byte_tokens_[byte] = plain ? token : kNoToken;
  }
  return bpe;
}

void ByteBpe::encode(const TokenTable& table, std::string_view text, std::vector<Token>& out) const {
  Merger merger;
  for_each_word(pre_, text, [&](std::string_view word) {
    for (size_t begin = 0; begin < word.size(); begin += Merger::kMaxSymbols) {
      encode_word(table, word.substr(begin, Merger::kMaxSymbols), merger, out);
    }
  });
}

void ByteBpe::encode_word(const TokenTable& table, std::string_view word, Merger& merger,
                          std::vector<Token>& out) const {
  if (pre_.ignore_merges) {
    const Token token = index_.find(table, word);
    if (token != kNoToken && table.type(token) == TokenType::normal) {
      out.push_back(token);
      return;
    }
  }
  merger.symbols.clear();
  for (uint32_t i = 0; i < word.size(); ++i) {
    const Token token = byte_tokens_[static_cast<unsigned char>(word[i])];
    if (token != kNoToken) merger.symbols.push_back({i, token});
  }
  merger.run(static_cast<uint32_t>(word.size()),
             [this](const Neighbours& n) { return pairs_.find(n.left.token, n.right.token); });
  for (const Symbol& symbol : merger.symbols) out.push_back(symbol.token);
}

}  // namespace quipu::tokenizer
