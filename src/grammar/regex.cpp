// Regular expressions of ECMA-262 (section 22.2.1, read as with the flag `u`), as far as they are regular.
#include <fmt/format.h>

#include <optional>

#include "grammar/json_text.h"
#include "text/utf8.h"

namespace quipu::grammar {

namespace {

constexpr int kMaxDepth = 100;
constexpr uint32_t kMaxRepeat = 100'000;
constexpr size_t kMaxBytes = 1 << 16;

CharSet digits() {
  return CharSet({{'0', '9'}});
}
CharSet word_chars() {
  return CharSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
}
CharSet spaces() {  // WhiteSpace and LineTerminator, sections 12.2 and 12.3
  return CharSet({{9, 13},
                  {32, 32},
                  {0xa0, 0xa0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200a},
                  {0x2028, 0x2029},
                  {0x202f, 0x202f},
                  {0x205f, 0x205f},
                  {0x3000, 0x3000},
                  {0xfeff, 0xfeff}});
}
CharSet not_newlines() {
  return CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).inverted();
}

Expression of_chars(CharSet set) {
  return {.kind = Expression::Kind::chars, .chars = std::move(set)};
}

class RegexParser {
 public:
  explicit RegexParser(std::string_view text) : text_(text) {}

  Result<Expression> parse() {
    if (text_.size() > kMaxBytes) return error_of(ErrorKind::limit_exceeded, "the pattern has {} bytes", text_.size());
    QUIPU_TRY(Expression choice, parse_choice(0));
    if (at_ < text_.size()) return wrong("unexpected )");
    return choice;
  }

 private:
  [[nodiscard]] Error wrong(std::string_view what) const {
    return invalid_input("pattern '{}', byte {}: {}", text_, at_, what);
  }
  [[nodiscard]] Error unsupported(std::string_view what) const {
    return error_of(ErrorKind::unsupported, "pattern '{}', byte {}: {} cannot be honoured", text_, at_, what);
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Result<Expression> parse_choice(int depth) {
    if (depth > kMaxDepth)
      return error_of(ErrorKind::limit_exceeded, "the pattern is nested deeper than {}", kMaxDepth);
    Expression choice{.kind = Expression::Kind::choice};
    do {
      Expression sequence;
      while (at_ < text_.size() && peek() != '|' && peek() != ')') {
        QUIPU_TRY(Expression item, parse_atom(depth));
        QUIPU_CHECK_OK(parse_quantifier(item));
        sequence.children.push_back(std::move(item));
      }
      choice.children.push_back(std::move(sequence));
    } while (take("|"));
    return choice;
  }

  Result<Expression> parse_atom(int depth) {
    if (take("^")) return Expression{.kind = Expression::Kind::begin};
    if (take("$")) return Expression{.kind = Expression::Kind::end};
    if (take(".")) return of_chars(not_newlines());
    if (take("[")) return parse_class();
    if (peek() == '*' || peek() == '+' || peek() == '?') return wrong("nothing to repeat");
    if (take("(")) {
      if (take("?")) {
        const bool is_lookbehind = text_.substr(at_, 2) == "<=" || text_.substr(at_, 2) == "<!";
        if (take("<") && !is_lookbehind) {
          while (at_ < text_.size() && peek() != '>') ++at_;
          if (!take(">")) return wrong("the name of a group is not closed");
        } else if (!take(":")) {
          return unsupported("a lookaround or modifier");
        }
      }
      QUIPU_TRY(Expression group, parse_choice(depth + 1));
      if (!take(")")) return wrong("expected )");
      return group;
    }
    if (peek() == '\\') {
      ++at_;
      if (const auto set = class_escape()) return of_chars(*set);
      QUIPU_TRY(const uint32_t c, parse_escape());
      return of_chars(CharSet({{c, c}}));
    }
    QUIPU_TRY(const uint32_t c, parse_utf8());
    return of_chars(CharSet({{c, c}}));
  }

  // {n,m} if it has that form; a lone { stands for itself, as in browsers.
  bool take_counts(uint32_t& least, uint32_t& most) {
    const size_t begin = at_;
    const auto number = [&](uint32_t& value) {
      const size_t first = at_;
      for (value = 0; peek() >= '0' && peek() <= '9'; ++at_) {
        value = std::min(kMaxRepeat + 1, 10 * value + static_cast<uint32_t>(peek() - '0'));
      }
      return at_ > first;
    };
    if (take("{") && number(least)) {
      most = least;
      if (take(",") && !number(most)) most = Expression::kUnbounded;
      if (take("}")) return true;
    }
    at_ = begin;
    return false;
  }

  Status parse_quantifier(Expression& item) {
    uint32_t least = 0, most = Expression::kUnbounded;
    if (take("+")) {
      least = 1;
    } else if (take("?")) {
      most = 1;
    } else if (!take("*") && !take_counts(least, most)) {
      return {};
    }
    take("?");  // lazy or not, the matching texts are the same
    if (most < least) return wrong("the numbers of a repetition are in the wrong order");
    if (least > kMaxRepeat || (most != Expression::kUnbounded && most > kMaxRepeat)) {
      return error_of(ErrorKind::limit_exceeded, "{}", wrong("more than 100000 repetitions").message);
    }
    Expression repeat{.kind = Expression::Kind::repeat, .least = least, .most = most};
    repeat.children.push_back(std::move(item));
    item = std::move(repeat);
    return {};
  }

  std::optional<CharSet> class_escape() {
    const char c = peek();
    std::optional<CharSet> set;
    if (c == 'd' || c == 'D') set = digits();
    if (c == 'w' || c == 'W') set = word_chars();
    if (c == 's' || c == 'S') set = spaces();
    if (!set) return std::nullopt;
    ++at_;
    return c < 'a' ? set->inverted() : *set;
  }

  Result<uint32_t> parse_hex(size_t n) {
    uint32_t value = 0;
    for (size_t i = 0; i < n; ++i, ++at_) {
      const char c = peek();
      const bool is_digit = c >= '0' && c <= '9', is_letter = (c | 32) >= 'a' && (c | 32) <= 'f';
      if (!is_digit && !is_letter) return wrong("expected hexadecimal digits");
      value = 16 * value + static_cast<uint32_t>(is_digit ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
  }

  Result<uint32_t> parse_unicode_escape() {
    uint32_t c = 0;
    if (take("{")) {
      size_t n = 0;
      while (at_ + n < text_.size() && text_[at_ + n] != '}' && n < 7) ++n;
      if (n == 0 || n == 7) return wrong("expected \\u{...} of one to six digits");
      QUIPU_TRY(c, parse_hex(n));
      if (!take("}")) return wrong("expected }");
    } else {
      QUIPU_TRY(c, parse_hex(4));
      if (c >= 0xd800 && c <= 0xdbff && take("\\u")) {
        QUIPU_TRY(const uint32_t low, parse_hex(4));
        if (low < 0xdc00 || low > 0xdfff) return wrong("a surrogate has no partner");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
      }
    }
    if (c > CharSet::kLast || (c >= 0xd800 && c <= 0xdfff)) return wrong("no character");
    return c;
  }

  // After the backslash.
  Result<uint32_t> parse_escape() {
    const char c = peek();
    if (at_ >= text_.size()) return wrong("the pattern ends in a backslash");
    if (c >= '1' && c <= '9') return unsupported("a back reference");
    if (c == 'b' || c == 'B') return unsupported("\\b");
    if (c == 'k') return unsupported("a back reference");
    if (c == 'p' || c == 'P') return unsupported("\\p");
    ++at_;
    switch (c) {
      case 't':
        return uint32_t{'\t'};
      case 'n':
        return uint32_t{'\n'};
      case 'v':
        return uint32_t{'\v'};
      case 'f':
        return uint32_t{'\f'};
      case 'r':
        return uint32_t{'\r'};
      case '0':
        return uint32_t{0};
      case 'x':
        return parse_hex(2);
      case 'u':
        return parse_unicode_escape();
      case 'c': {
        const char letter = peek();
        if ((letter | 32) < 'a' || (letter | 32) > 'z') return wrong("expected a letter after \\c");
        ++at_;
        return static_cast<uint32_t>(letter) % 32;
      }
      default:
        break;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return --at_, wrong("unknown escape");
    --at_;
    return parse_utf8();
  }

  Result<uint32_t> parse_utf8() {
    if (at_ >= text_.size()) return wrong("invalid UTF-8");
    const text::Decoded decoded = text::decode_at(text_, at_);
    if (!decoded.valid) return wrong("invalid UTF-8");
    at_ += decoded.size;
    return uint32_t{decoded.code_point};
  }

  Result<Expression> parse_class() {
    const bool inverted = take("^");
    std::vector<CharSet::Range> ranges;
    while (!take("]")) {
      if (at_ >= text_.size()) return wrong("a class is not closed");
      std::optional<CharSet> set;
      QUIPU_TRY(const uint32_t lo, parse_class_char(set));
      if (set) {
        ranges.insert(ranges.end(), set->ranges().begin(), set->ranges().end());
        continue;
      }
      uint32_t hi = lo;
      if (peek() == '-' && text_.substr(at_, 2) != "-]") {
        ++at_;
        QUIPU_TRY(hi, parse_class_char(set));
        if (set) return wrong("a range ends in a class");
        if (hi < lo) return wrong("a range ends before it begins");
      }
      ranges.emplace_back(lo, hi);
    }
    CharSet chars(std::move(ranges));
    return of_chars(inverted ? chars.inverted() : std::move(chars));
  }

  // A character of a class, or `set` if it is one of \d \w \s.
  Result<uint32_t> parse_class_char(std::optional<CharSet>& set) {
    if (!take("\\")) return parse_utf8();
    if (peek() == 'b') return ++at_, uint32_t{'\b'};
    set = class_escape();
    if (set) return uint32_t{0};
    return parse_escape();
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Expression> parse_regex(std::string_view pattern) {
  return RegexParser(pattern).parse();
}

}  // namespace quipu::grammar
