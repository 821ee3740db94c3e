// GBNF, llama.cpp's notation of grammars (its grammars/README.md): rules `name ::= alternatives` of literals, character
// classes, `.`, names, groups and the repetitions * + ? {n} {n,} {n,m}; `#` begins a comment.
#include <algorithm>
#include <map>
#include <string>

#include "grammar/automaton.h"
#include "grammar/expression.h"
#include "grammar/grammar.h"
#include "text/utf8.h"

namespace quipu::grammar {

namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 200;            // of groups
constexpr uint32_t kMaxRepeat = 100'000;  // {n,m}: no larger one fits in the states of a rule

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Automaton> parse() {
    if (text_.size() > kMaxBytes) {
      return error_of(ErrorKind::limit_exceeded, "the grammar has {} bytes, {} are the most", text_.size(), kMaxBytes);
    }
    for (skip_space(true); at_ < text_.size(); skip_space(true)) QUIPU_CHECK_OK(parse_rule());
    for (const auto& [name, place] : used_at_) {
      if (!builder_.is_defined(rules_.at(name))) {
        at_ = place;
        return error("the rule '{}' is not defined", name);
      }
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) return invalid_input("the grammar has no rule 'root'");
    return builder_.finish(root->second);
  }

 private:
  template <typename... Args>
  Error error(fmt::format_string<Args...> format, Args&&... args) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return invalid_input("line {}, column {}: {}", line, at_ - line_start + 1,
                         fmt::format(format, std::forward<Args>(args)...));
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_space(bool newlines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
      } else {
        return;
      }
    }
  }

  Result<std::string> parse_name() {
    const size_t begin = at_;
    const auto is_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == begin) return error("expected the name of a rule");
    return std::string(text_.substr(begin, at_ - begin));
  }

  RuleId rule_id(const std::string& name) {
    const auto [it, is_new] = rules_.try_emplace(name, 0);
    if (is_new) it->second = builder_.declare(fmt::format("the rule '{}'", name));
    return it->second;
  }

  Status parse_rule() {
    const size_t begin = at_;
    QUIPU_TRY(const std::string name, parse_name());
    skip_space(false);
    if (!take("::=")) return error("expected ::= after the name '{}'", name);
    const RuleId rule = rule_id(name);
    if (builder_.is_defined(rule)) {
      at_ = begin;
      return error("the rule '{}' is defined twice", name);
    }
    skip_space(true);
    QUIPU_TRY(const Expression expression, parse_choice(0));
    skip_space(false);
    if (at_ < text_.size() && peek() != '\n' && peek() != '\r') return error("expected the end of the rule '{}'", name);
    Nfa nfa;
    const StateId from = nfa.add(), to = nfa.add();
    emit(nfa, expression, from, to, Utf8Encoding());
    auto fsa = nfa.determinise(from, to);
    if (!fsa.ok()) return fsa.error().within(builder_.name(rule));
    return builder_.define(rule, std::move(fsa).value());
  }

  Result<Expression> parse_choice(int depth) {
    if (depth > kMaxDepth) return error_of(ErrorKind::limit_exceeded, "groups are nested deeper than {}", kMaxDepth);
    Expression choice{.kind = Expression::Kind::choice};
    for (;;) {
      QUIPU_TRY(Expression sequence, parse_sequence(depth));
      choice.children.push_back(std::move(sequence));
      skip_space(depth > 0);
      // An alternative may stand on the next line, which no rule can begin with `|`.
      const size_t here = at_;
      skip_space(true);
      if (!take("|")) {
        at_ = here;
        return choice;
      }
      skip_space(true);
    }
  }

  Result<Expression> parse_sequence(int depth) {
    Expression sequence;
    for (;;) {
      skip_space(depth > 0);
      const char c = peek();
      Expression item;
      if (c == '"') {
        QUIPU_TRY(item, parse_literal());
      } else if (c == '[') {
        QUIPU_TRY(item, parse_class());
      } else if (c == '(') {
        ++at_;
        skip_space(true);
        QUIPU_TRY(item, parse_choice(depth + 1));
        skip_space(true);
        if (!take(")")) return error("expected )");
      } else if (c == '.') {
        ++at_;
        item.kind = Expression::Kind::chars;
        item.chars = CharSet().inverted();
      } else if (c == '<' || c == '!') {
        return error("tokens in a grammar ('{}') are not supported", c);
      } else if (at_ < text_.size() && text_.find_first_of("|)\r\n", at_) != at_) {
        const size_t place = at_;
        QUIPU_TRY(const std::string name, parse_name());
        used_at_.try_emplace(name, place);
        item.kind = Expression::Kind::rule;
        item.rule = rule_id(name);
      } else {
        return sequence;
      }
      QUIPU_CHECK_OK(parse_repetitions(item));
      sequence.children.push_back(std::move(item));
    }
  }

  Status parse_repetitions(Expression& item) {
    for (int n = 0;; ++n) {
      uint32_t least = 0, most = Expression::kUnbounded;
      const size_t begin = at_;
      if (take("*")) {
      } else if (take("+")) {
        least = 1;
      } else if (take("?")) {
        most = 1;
      } else if (take("{")) {
        skip_space(false);
        QUIPU_TRY(least, parse_count());
        most = least;
        skip_space(false);
        if (take(",")) {
          skip_space(false);
          most = Expression::kUnbounded;
          if (peek() != '}') {
            QUIPU_TRY(most, parse_count());
          }
        }
        skip_space(false);
        if (!take("}")) return error("expected }}");
        if (most < least) return error("{{{},{}}} is no repetition", least, most);
      } else {
        return {};
      }
      if (n >= kMaxDepth) {
        at_ = begin;
        return error("more than {} repetitions of the same", kMaxDepth);
      }
      Expression repeat{.kind = Expression::Kind::repeat, .least = least, .most = most};
      repeat.children.push_back(std::move(item));
      item = std::move(repeat);
    }
  }

  Result<uint32_t> parse_count() {
    uint32_t count = 0;
    if (peek() < '0' || peek() > '9') return error("expected a number");
    while (peek() >= '0' && peek() <= '9') {
      count = 10 * count + static_cast<uint32_t>(text_[at_++] - '0');
      if (count > kMaxRepeat) {
        return error_of(ErrorKind::limit_exceeded, "{}", error("more than {} repetitions", kMaxRepeat).message);
      }
    }
    return count;
  }

  Result<uint32_t> parse_hex(int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return error("expected {} hexadecimal digits", digits);
      value = 16 * value + static_cast<uint32_t>(digit);
      ++at_;
    }
    if (value > CharSet::kLast || (value >= 0xd800 && value <= 0xdfff)) return error("U+{:04X} is no character", value);
    return value;
  }

  // A character of a literal or class, escaped or not.
  Result<uint32_t> parse_char() {
    if (peek() == '\\') {
      ++at_;
      const char c = peek();
      ++at_;
      switch (c) {
        case 'x':
          return parse_hex(2);
        case 'u':
          return parse_hex(4);
        case 'U':
          return parse_hex(8);
        case 't':
          return uint32_t{'\t'};
        case 'r':
          return uint32_t{'\r'};
        case 'n':
          return uint32_t{'\n'};
        case '\\':
        case '"':
        case '[':
        case ']':
        case '-':
        case '^':
        case '/':
        case '\'':
          return static_cast<uint32_t>(c);
        default:
          at_ -= 2;
          return error("unknown escape");
      }
    }
    return parse_utf8();
  }

  Result<uint32_t> parse_utf8() {
    if (at_ >= text_.size()) return error("invalid UTF-8");
    const text::Decoded decoded = text::decode_at(text_, at_);
    if (!decoded.valid) return error("invalid UTF-8");
    at_ += decoded.size;
    return uint32_t{decoded.code_point};
  }

  Result<Expression> parse_literal() {
    Expression literal;
    for (++at_; peek() != '"' || at_ >= text_.size();) {
      if (at_ >= text_.size()) return error("a literal is not closed");
      QUIPU_TRY(const uint32_t c, parse_char());
      Expression chars{.kind = Expression::Kind::chars};
      chars.chars = CharSet({{c, c}});
      literal.children.push_back(std::move(chars));
    }
    ++at_;
    return literal;
  }

  Result<Expression> parse_class() {
    ++at_;
    const bool inverted = take("^");
    std::vector<CharSet::Range> ranges;
    while (peek() != ']') {
      if (at_ >= text_.size()) return error("a class is not closed");
      QUIPU_TRY(const uint32_t lo, parse_char());
      uint32_t hi = lo;
      if (peek() == '-' && text_.substr(at_, 2) != "-]") {
        ++at_;
        if (at_ >= text_.size()) return error("a class is not closed");
        QUIPU_TRY(hi, parse_char());
        if (hi < lo) return error("a range ends before it begins");
      }
      ranges.emplace_back(lo, hi);
    }
    ++at_;
    Expression chars{.kind = Expression::Kind::chars};
    chars.chars = inverted ? CharSet(std::move(ranges)).inverted() : CharSet(std::move(ranges));
    return chars;
  }

  std::string_view text_;
  size_t at_ = 0;
  AutomatonBuilder builder_;
  std::map<std::string, RuleId> rules_;
  std::map<std::string, size_t> used_at_;
};

}  // namespace

Result<Grammar> Grammar::from_gbnf(std::string_view text) {
  QUIPU_TRY(Automaton automaton, Parser(text).parse());
  return Grammar(std::make_shared<const Automaton>(std::move(automaton)));
}

}  // namespace quipu::grammar
