#include "tokenizer/sentence_piece.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "text/utf8.h"
#include "tokenizer/spaces.h"

namespace quipu::tokenizer {

namespace {

// Puts scores in reverse order as numbers below kNoMerge: float bits are ordered by sign and magnitude. NaN is last.
uint32_t priority_of(float score) {
  if (std::isnan(score)) return kNoMerge - 1;
  const uint32_t bits = std::bit_cast<uint32_t>(score == 0.0f ? 0.0f : score);  // -0 equals 0
  const uint32_t ascending = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return std::min(~ascending, kNoMerge - 2);
}

bool has_space_inside(std::string_view bytes) {
  for (size_t i = 1; i < bytes.size(); ++i) {
    if (bytes[i] == ' ' && bytes[i - 1] != ' ') return true;
  }
  return false;
}

// The end of the word at `begin`: a run of spaces and the characters up to the next space.
size_t word_end(std::string_view text, size_t begin) {
  const size_t first = text.find_first_not_of(' ', begin);
  return first == std::string_view::npos ? text.size() : std::min(text.find(' ', first), text.size());
}

}  // namespace

Result<SentencePiece> SentencePiece::build(const Vocab& vocab, const TokenTable& table) {
  if (vocab.scores.empty()) return invalid_input("tokenizer.ggml.scores is missing");
  SentencePiece model;
  QUIPU_TRY(model.index_, ByteIndex::build(table));
  model.priorities_.resize(table.size());
  model.splits_at_spaces_ = true;
  model.byte_tokens_.fill(kNoToken);
  for (Token token = 0; table.contains(token); ++token) {
    model.priorities_[static_cast<size_t>(token)] = priority_of(vocab.scores[static_cast<size_t>(token)]);
    if (!table.is_indexed(token)) continue;
    const std::string_view bytes = table.bytes(token);
    model.max_token_size_ = std::max(model.max_token_size_, bytes.size());
    if (model.splits_at_spaces_ && has_space_inside(bytes)) model.splits_at_spaces_ = false;
  }
  for (Token token = 0; table.contains(token); ++token) {
    if (table.type(token) != TokenType::byte || table.bytes(token).size() != 1) continue;
    Token& entry = model.byte_tokens_[static_cast<unsigned char>(table.bytes(token)[0])];
    if (entry == kNoToken) entry = token;
    model.has_byte_tokens_ = true;
  }
  if (vocab.unknown_token_id) model.unknown_ = static_cast<Token>(*vocab.unknown_token_id);
  for (Token token = 0; table.contains(token) && model.unknown_ == kNoToken; ++token) {
    if (table.type(token) == TokenType::unknown) model.unknown_ = token;
  }
  return model;
}

void SentencePiece::encode(const TokenTable& table, std::string_view text, std::vector<Token>& out) const {
  Merger merger;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = splits_at_spaces_ ? word_end(text, begin) : text.size();
    if (end - begin > Merger::kMaxSymbols) {
      end = begin + Merger::kMaxSymbols;
      end -= text::incomplete_suffix_size(text.substr(begin, end - begin));
    }
    encode_word(table, text.substr(begin, end - begin), merger, out);
    begin = end;
  }
}

void SentencePiece::encode_word(const TokenTable& table, std::string_view word, Merger& merger,
                                std::vector<Token>& out) const {
  merger.symbols.clear();
  for (size_t i = 0; i < word.size();) {
    const text::Decoded character = text::decode_at(word, i);
    const size_t size = character.valid ? character.size : 1;
    merger.symbols.push_back({static_cast<uint32_t>(i), kNoToken});
    i += size;
  }
  const auto n_bytes = static_cast<uint32_t>(word.size());
  merger.run(n_bytes, [&](const Neighbours& n) {
    const size_t size = n.end - n.left.begin;
    if (size > max_token_size_) return Merge{};
    const Token token = index_.find(table, word.substr(n.left.begin, size));
    return token == kNoToken ? Merge{} : Merge{priorities_[static_cast<size_t>(token)], token};
  });
  bool after_unknown = false;
  for (size_t i = 0; i < merger.symbols.size(); ++i) {
    const size_t begin = merger.symbols[i].begin;
    const size_t end = i + 1 < merger.symbols.size() ? merger.symbols[i + 1].begin : word.size();
    const std::string_view bytes = word.substr(begin, end - begin);
    Token token = merger.symbols[i].token;
    if (token == kNoToken) token = index_.find(table, bytes);  // a character that did not merge
    if (token != kNoToken) {
      out.push_back(token);
    } else if (has_byte_tokens_) {
      append_unknown(bytes == " " ? kEscapedSpace : bytes, out);
    } else if (unknown_ != kNoToken && !after_unknown) {
      out.push_back(unknown_);
    }
    after_unknown = token == kNoToken;
  }
}

void SentencePiece::append_unknown(std::string_view bytes, std::vector<Token>& out) const {
  for (const char byte : bytes) {
    const Token token = byte_tokens_[static_cast<unsigned char>(byte)];
    if (token != kNoToken) {
      out.push_back(token);
    } else if (unknown_ != kNoToken) {
      out.push_back(unknown_);
    }
  }
}

}  // namespace quipu::tokenizer
