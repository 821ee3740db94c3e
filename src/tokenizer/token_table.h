// The bytes and the type of every token, in flat arrays.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/vocab.h"

namespace quipu::tokenizer {

// How a vocabulary writes normal tokens.
enum class TokenText : uint8_t {
  byte_alphabet,  // byte_alphabet.h
  escaped_space,  // "▁" (U+2581) for a space; byte tokens are "<0x41>"
};

class TokenTable {
 public:
  // Errors: no tokens, too many, arrays whose lengths differ, more than 4 GiB of text.
  static Result<TokenTable> build(const Vocab& vocab, TokenText form);

  [[nodiscard]] size_t size() const { return types_.size(); }
  [[nodiscard]] bool contains(Token token) const { return token >= 0 && static_cast<size_t>(token) < size(); }
  // What the token stands for. Control, unknown and user-defined tokens, and those that are not written in the
  // vocabulary's form, stand for their text. `token` must be one.
  [[nodiscard]] std::string_view bytes(Token token) const {
    const auto i = static_cast<size_t>(token);
    return {arena_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]};
  }
  // Where bytes(token) begin among the bytes of all tokens, and any bytes there.
  [[nodiscard]] uint32_t begin(Token token) const { return offsets_[static_cast<size_t>(token)]; }
  [[nodiscard]] std::string_view bytes_at(uint32_t begin, uint32_t size) const { return {arena_.data() + begin, size}; }
  void prefetch(uint32_t begin) const { __builtin_prefetch(arena_.data() + begin); }
  [[nodiscard]] TokenType type(Token token) const { return types_[static_cast<size_t>(token)]; }
  // Whether merges can name the token by its bytes: it is not empty, and its text is written in the vocabulary's form.
  [[nodiscard]] bool is_indexed(Token token) const { return indexed_[static_cast<size_t>(token)] != 0; }

 private:
  void append(std::string_view text, TokenType type, TokenText form);

  std::string arena_;
  std::vector<uint32_t> offsets_;
  std::vector<TokenType> types_;
  std::vector<uint8_t> indexed_;
};

// The byte that "<0x41>" names.
std::optional<uint8_t> parse_byte_token(std::string_view text);

}  // namespace quipu::tokenizer
