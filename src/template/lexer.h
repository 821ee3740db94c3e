// Cuts a template into text and tokens, with Jinja's rules for white space (trim_blocks and lstrip_blocks on).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quipu::chat_template {

enum class TokenKind : uint8_t {
  text,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  real,
  symbol,
  end
};

struct Position {
  uint32_t line = 1, column = 1;
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  // of strings: without quotes, escapes resolved
  Position at;
};

// Throws Failure with line and column.
std::vector<Token> tokenize(std::string_view source);

}  // namespace quipu::chat_template
