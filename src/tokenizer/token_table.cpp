#include "tokenizer/token_table.h"

#include <limits>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/end_of_generation.h"
#include "tokenizer/spaces.h"

namespace quipu::tokenizer {

namespace {

// The largest vocabularies have 262,144 tokens; this keeps ids well inside int32_t and tables inside memory.
constexpr size_t kMaxTokens = size_t{1} << 24;

bool stands_for_its_text(TokenType type) {
  return type == TokenType::control || type == TokenType::unknown || type == TokenType::user_defined;
}

}  // namespace

std::optional<uint8_t> parse_byte_token(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  if (digit(text[3]) < 0 || digit(text[4]) < 0) return std::nullopt;
  return static_cast<uint8_t>(digit(text[3]) * 16 + digit(text[4]));
}

void TokenTable::append(std::string_view text, TokenType type, TokenText form) {
  const size_t begin = arena_.size();
  bool indexed = false;
  const auto byte = type == TokenType::byte ? parse_byte_token(text) : std::nullopt;
  if (byte) {
    arena_ += static_cast<char>(*byte);
  } else if (form == TokenText::byte_alphabet) {
    arena_.resize(begin + text.size());
    const auto n = decode_byte_alphabet(text, arena_.data() + begin);
    const bool as_text = !n || stands_for_its_text(type);
    const bool same = n && arena_.compare(begin, *n, text) == 0;
    indexed = n.value_or(0) > 0 && (!as_text || same);
    if (as_text) {
      arena_.replace(begin, text.size(), text);
    } else {
      arena_.resize(begin + *n);
    }
  } else {
    indexed = !text.empty() && type != TokenType::control && type != TokenType::unknown;
    arena_ += text;
    if (type != TokenType::control && type != TokenType::unknown) unescape_spaces(arena_, begin);
  }
  types_.push_back(type);
  indexed_.push_back(indexed);
  offsets_.push_back(static_cast<uint32_t>(arena_.size()));
}

Result<TokenTable> TokenTable::build(const Vocab& vocab, TokenText form) {
  const size_t n = vocab.tokens.size();
  if (n == 0) return invalid_input("tokenizer.ggml.tokens is missing or empty");
  if (n > kMaxTokens) {
    return error_of(ErrorKind::limit_exceeded, "tokenizer.ggml.tokens has {} tokens; at most {} are supported", n,
                    kMaxTokens);
  }
  if (!vocab.scores.empty() && vocab.scores.size() != n) {
    return invalid_input("tokenizer.ggml.scores has {} entries for {} tokens", vocab.scores.size(), n);
  }
  if (!vocab.token_types.empty() && vocab.token_types.size() != n) {
    return invalid_input("tokenizer.ggml.token_type has {} entries for {} tokens", vocab.token_types.size(), n);
  }
  uint64_t n_bytes = 0;  // of strings inside one file: no overflow
  for (const std::string_view text : vocab.tokens) n_bytes += text.size();
  if (n_bytes > std::numeric_limits<uint32_t>::max()) {
    return error_of(ErrorKind::limit_exceeded,
                    "tokenizer.ggml.tokens has {} bytes of text; at most 4 GiB are supported", n_bytes);
  }
  TokenTable table;
  table.arena_.reserve(n_bytes);
  table.offsets_.reserve(n + 1);
  table.offsets_.push_back(0);
  table.types_.reserve(n);
  table.indexed_.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    const TokenType type = type_in_file(vocab, i);
    table.append(vocab.tokens[i], is_known_end(vocab.tokens[i], type) ? TokenType::control : type, form);
  }
  return table;
}

}  // namespace quipu::tokenizer
