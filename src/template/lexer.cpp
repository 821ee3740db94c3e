#include "template/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "template/value.h"
#include "text/utf8.h"

namespace quipu::chat_template {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr std::array<std::string_view, 8> kLongSymbols{"//", "**", "==", "!=", "<=", ">=", "||", "&&"};

class Lexer {
 public:
  explicit Lexer(std::string_view source) {
    source_.reserve(source.size());
    for (size_t i = 0; i < source.size(); i++) {  // every line ending becomes \n
      if (source[i] == '\r') {
        source_ += '\n';
        if (i + 1 < source.size() && source[i + 1] == '\n') i++;
      } else {
        source_ += source[i];
      }
    }
    if (source_.ends_with('\n')) source_.pop_back();
  }

  std::vector<Token> run() {
    while (at_ < source_.size()) text();
    push(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void error(const std::string& message) {
    fail(fmt::format("{} at line {}, column {}", message, position_.line, position_.column));
  }

  [[nodiscard]] bool here(std::string_view what) const {
    return std::string_view(source_).substr(at_).starts_with(what);
  }
  void push(TokenKind kind, std::string value) { tokens_.push_back({kind, std::move(value), position_}); }

  void advance(size_t n) {
    for (size_t i = 0; i < n; i++, at_++) {
      if (source_[at_] == '\n') {
        position_.line++;
        position_.column = 1;
      } else if ((static_cast<unsigned char>(source_[at_]) & 0xc0) != 0x80) {
        position_.column++;
      }
    }
  }

  // Text up to the next tag, and that tag.
  void text() {
    size_t tag = at_;
    while (tag < source_.size() && !is_tag(tag)) tag++;
    std::string value = source_.substr(at_, tag - at_);
    const bool starts_line = at_ == 0 || source_[at_ - 1] == '\n';
    const char mark = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (tag < source_.size()) {
      if (mark == '-') {
        while (!value.empty() && is_space(value.back())) value.pop_back();
      } else if (mark != '+' && source_[tag + 1] != '{') {
        strip_line_start(value, starts_line);
      }
    }
    if (!value.empty()) push(TokenKind::text, value);
    advance(tag - at_);
    if (at_ >= source_.size()) return;
    if (here("{#")) return comment();
    const bool block = here("{%");
    if (block && raw()) return;
    push(block ? TokenKind::block_begin : TokenKind::variable_begin, "");
    advance(2);
    if (mark == '-' || mark == '+') advance(1);
    code(block);
  }

  [[nodiscard]] bool is_tag(size_t i) const {
    return source_[i] == '{' && i + 1 < source_.size() &&
           (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#');
  }

  // lstrip_blocks: white space between the start of a line and a block goes.
  static void strip_line_start(std::string& value, bool starts_line) {
    size_t n = value.size();
    while (n > 0 && is_space(value[n - 1]) && value[n - 1] != '\n') n--;
    if ((n == 0 && starts_line) || (n > 0 && value[n - 1] == '\n')) value.resize(n);
  }

  // What follows a tag's end: `-` takes all white space, a block's end the first newline.
  void after_tag(char mark, bool trims_newline) {
    if (mark == '-') {
      while (at_ < source_.size() && is_space(source_[at_])) advance(1);
    } else if (mark != '+' && trims_newline && at_ < source_.size() && source_[at_] == '\n') {
      advance(1);
    }
  }

  void comment() {
    const size_t end = source_.find("#}", at_ + 2);
    if (end == std::string::npos) error("missing end of comment tag");
    const char mark = end > at_ + 2 ? source_[end - 1] : '\0';
    advance(end + 2 - at_);
    after_tag(mark, true);
  }

  // {% raw %} ... {% endraw %}
  bool raw() {
    size_t i = at_ + 2;
    const auto skip = [&] {
      while (i < source_.size() && is_space(source_[i])) i++;
    };
    if (i < source_.size() && (source_[i] == '-' || source_[i] == '+')) i++;
    skip();
    if (source_.compare(i, 3, "raw") != 0) return false;
    i += 3;
    skip();
    const char mark = i < source_.size() ? source_[i] : '\0';
    if (mark == '-' || mark == '+') i++;
    if (source_.compare(i, 2, "%}") != 0) return false;
    advance(i + 2 - at_);
    after_tag(mark, true);
    for (size_t end = source_.find("{%", at_); end != std::string::npos; end = source_.find("{%", end + 2)) {
      i = end + 2;
      const char before = i < source_.size() ? source_[i] : '\0';
      if (before == '-' || before == '+') i++;
      skip();
      if (source_.compare(i, 6, "endraw") != 0) continue;
      i += 6;
      skip();
      const char after = i < source_.size() ? source_[i] : '\0';
      if (after == '-' || after == '+') i++;
      if (source_.compare(i, 2, "%}") != 0) continue;
      std::string value = source_.substr(at_, end - at_);
      if (before == '-') {
        while (!value.empty() && is_space(value.back())) value.pop_back();
      } else if (before != '+') {
        strip_line_start(value, at_ > 0 && source_[at_ - 1] == '\n');
      }
      if (!value.empty()) push(TokenKind::text, value);
      advance(i + 2 - at_);
      after_tag(after, true);
      return true;
    }
    error("missing end of raw block");
  }

  // The tokens of a tag up to its end.
  void code(bool block) {
    std::vector<char> open;  // brackets: inside of them `}}` is no end
    for (;;) {
      while (at_ < source_.size() && is_space(source_[at_])) advance(1);
      if (at_ >= source_.size())
        error(block ? "unexpected end of template, expected '%}'" : "unexpected end of template, expected '}}'");
      if (open.empty() && tag_end(block)) return;
      const char c = source_[at_];
      if (is_name_start(c)) {
        name();
      } else if (is_digit(c)) {
        number();
      } else if (c == '"' || c == '\'') {
        string(c);
      } else {
        symbol(open);
      }
    }
  }

  bool tag_end(bool block) {
    const std::string_view end = block ? "%}" : "}}";
    const char mark = source_[at_];
    const bool marked = mark == '-' || (mark == '+' && block);
    if (std::string_view(source_).substr(at_ + (marked ? 1 : 0), 2) != end) return false;
    push(block ? TokenKind::block_end : TokenKind::variable_end, "");
    advance(marked ? 3 : 2);
    after_tag(marked ? mark : '\0', block);
    return true;
  }

  void name() {
    size_t n = 1;
    while (at_ + n < source_.size() && (is_name_start(source_[at_ + n]) || is_digit(source_[at_ + n]))) n++;
    push(TokenKind::name, source_.substr(at_, n));
    advance(n);
  }

  void number() {
    size_t n = 0;
    bool real = false;
    const auto digits = [&] {
      while (at_ + n < source_.size() && (is_digit(source_[at_ + n]) || source_[at_ + n] == '_')) n++;
    };
    digits();
    // In a.1.0 the numbers are indices.
    const bool index = !tokens_.empty() && tokens_.back().kind == TokenKind::symbol && tokens_.back().text == ".";
    if (!index && at_ + n + 1 < source_.size() && source_[at_ + n] == '.' && is_digit(source_[at_ + n + 1])) {
      real = true;
      n++;
      digits();
    }
    if (at_ + n < source_.size() && (source_[at_ + n] == 'e' || source_[at_ + n] == 'E')) {
      size_t m = n + 1;
      if (at_ + m < source_.size() && (source_[at_ + m] == '+' || source_[at_ + m] == '-')) m++;
      if (at_ + m < source_.size() && is_digit(source_[at_ + m])) {
        real = true;
        n = m;
        digits();
      }
    }
    std::string value = source_.substr(at_, n);
    std::erase(value, '_');
    push(real ? TokenKind::real : TokenKind::integer, value);
    advance(n);
  }

  void string(char quote) {
    const Position start = position_;
    std::string value;
    size_t i = at_ + 1;
    for (; i < source_.size() && source_[i] != quote; i++) {
      if (source_[i] != '\\' || i + 1 >= source_.size()) {
        value += source_[i];
        continue;
      }
      i = escape(i + 1, value);
    }
    if (i >= source_.size()) error("unterminated string");
    tokens_.push_back({TokenKind::string, std::move(value), start});
    advance(i + 1 - at_);
  }

  // Python's escapes; `i` is behind the backslash. Returns the index of the last character used.
  size_t escape(size_t i, std::string& value) {
    switch (source_[i]) {
      case 'n':
        value += '\n';
        return i;
      case 't':
        value += '\t';
        return i;
      case 'r':
        value += '\r';
        return i;
      case 'b':
        value += '\b';
        return i;
      case 'f':
        value += '\f';
        return i;
      case 'v':
        value += '\v';
        return i;
      case 'a':
        value += '\a';
        return i;
      case '\\':
      case '\'':
      case '"':
        value += source_[i];
        return i;
      case '\n':
        return i;
      case 'x':
        return code_point(i, 2, value);
      case 'u':
        return code_point(i, 4, value);
      case 'U':
        return code_point(i, 8, value);
      default:
        break;
    }
    if (source_[i] >= '0' && source_[i] <= '7') {
      uint32_t c = 0;
      size_t n = 0;
      for (; n < 3 && i + n < source_.size() && source_[i + n] >= '0' && source_[i + n] <= '7'; n++)
        c = c * 8 + static_cast<uint32_t>(source_[i + n] - '0');
      text::append_utf8(value, c);
      return i + n - 1;
    }
    value += '\\';
    value += source_[i];
    return i;
  }

  size_t code_point(size_t i, size_t n_digits, std::string& value) {
    uint32_t c = 0;
    for (size_t k = 1; k <= n_digits; k++) {
      if (i + k >= source_.size() || std::isxdigit(static_cast<unsigned char>(source_[i + k])) == 0)
        error("bad escape in string");
      const char d = source_[i + k];
      c = c * 16 + static_cast<uint32_t>(is_digit(d) ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) error("bad escape in string");
    text::append_utf8(value, c);
    return i + n_digits;
  }

  void symbol(std::vector<char>& open) {
    std::string value(1, source_[at_]);
    for (const std::string_view s : kLongSymbols)
      if (here(s)) value = s;
    if (value.size() == 1) {
      const char c = value[0];
      if (std::string_view("+-/*%~[](){}><=.:|,;!").find(c) == std::string_view::npos)
        error(fmt::format("unexpected char '{}'", c));
      if (c == '(' || c == '[' || c == '{') open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
      if (c == ')' || c == ']' || c == '}') {
        if (open.empty()) error(fmt::format("unexpected '{}'", c));
        if (open.back() != c) error(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
        open.pop_back();
      }
    }
    push(TokenKind::symbol, value);
    advance(value.size());
  }

  std::string source_;
  size_t at_ = 0;
  Position position_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace quipu::chat_template
