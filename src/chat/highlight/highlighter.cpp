#include "chat/highlight/highlighter.h"

#include <algorithm>
#include <utility>

namespace quipu::chat {
namespace {

constexpr Style kKeyword{.color = Color::magenta};
constexpr Style kType{.color = Color::cyan};
constexpr Style kString{.color = Color::green};
constexpr Style kNumber{.color = Color::yellow};
constexpr Style kComment{.color = Color::grey};
constexpr Style kFunction{.color = Color::blue};
constexpr Style kVariable{.color = Color::cyan};
constexpr Style kAttribute{.color = Color::yellow};
constexpr Style kAdded{.color = Color::green};
constexpr Style kRemoved{.color = Color::red};
constexpr Style kHunk{.color = Color::cyan};
constexpr Style kPlain{};

// A word that is longer is handed out in parts.
constexpr size_t kMaxWord = 64;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Calls `f` for each mark of a list separated by blanks, until it returns true.
template <typename F>
bool any_mark(std::string_view marks, const F& f) {
  for (size_t at = 0; at < marks.size();) {
    const size_t end = std::min(marks.find(' ', at), marks.size());
    if (f(marks.substr(at, end - at))) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

void Highlighter::push(std::string_view text, const Sink& sink) {
  if (language_ == nullptr) return sink(text, kPlain);
  pending_ += text;
  while (at_ < pending_.size()) {
    const size_t n = step(false, sink);
    if (n == 0) break;
    at_ += n;
  }
  pending_.erase(0, std::exchange(at_, 0));
}

void Highlighter::end_line(const Sink& sink) {
  while (at_ < pending_.size()) at_ += step(true, sink);
  pending_.clear();
  at_ = 0;
  line_start_ = true;
  before_ = '\n';
  const bool goes_on =
      state_ == State::block_comment || state_ == State::tag || (state_ == State::string && string_->multi_line);
  if (!goes_on) state_ = State::normal;
}

bool Highlighter::is_word(char c) const {
  return is_letter(c) || is_digit(c) || (language_->word_characters.find(c) != std::string_view::npos);
}

bool Highlighter::begins(std::string_view mark) const {
  return !mark.empty() && std::string_view(pending_).substr(at_).starts_with(mark);
}

// The rest of the text could become the mark.
bool Highlighter::may_begin(std::string_view mark) const {
  const std::string_view rest = std::string_view(pending_).substr(at_);
  return rest.size() < mark.size() && mark.starts_with(rest);
}

// Hands out at least one byte and returns how many, or 0 if more text is needed (never if `final`).
size_t Highlighter::step(bool final, const Sink& sink) {
  if (line_start_ && language_->line_kinds) return begin_line_kind(sink);
  line_start_ = false;
  switch (state_) {
    case State::line_comment:
    case State::whole_line: {
      const std::string_view rest = std::string_view(pending_).substr(at_);
      sink(rest, state_ == State::line_comment ? kComment : line_style_);
      return rest.size();
    }
    case State::block_comment:
      return within(language_->block_close, kComment, false, final, sink);
    case State::string:
      return within(string_->close, kString, string_->escapes, final, sink);
    case State::normal:
    case State::tag:
      return normal(final, sink);
  }
  return 0;
}

size_t Highlighter::begin_line_kind(const Sink& sink) {
  line_start_ = false;
  state_ = State::whole_line;
  const char c = pending_[at_];
  line_style_ = c == '+' ? kAdded : c == '-' ? kRemoved : c == '@' ? kHunk : kPlain;
  sink(pending_.substr(at_, 1), line_style_);
  return 1;
}

// In a comment or string: up to the closing mark.
size_t Highlighter::within(std::string_view close, const Style& style, bool escapes, bool final, const Sink& sink) {
  const std::string_view rest = std::string_view(pending_).substr(at_);
  if (rest.starts_with(close)) {
    sink(close, style);
    state_ = language_->markup && state_ == State::string ? State::tag : State::normal;
    before_ = close.back();
    return close.size();
  }
  if (!final && may_begin(close)) return 0;
  if (escapes && rest[0] == '\\') {
    if (rest.size() == 1 && !final) return 0;
    const size_t n = std::min<size_t>(2, rest.size());
    sink(rest.substr(0, n), style);
    return n;
  }
  // Up to what could matter.
  size_t n = 1;
  while (n < rest.size() && rest[n] != close[0] && !(escapes && rest[n] == '\\')) ++n;
  sink(rest.substr(0, n), style);
  return n;
}

size_t Highlighter::normal(bool final, const Sink& sink) {
  const char c = pending_[at_];
  const bool in_markup_text = language_->markup && state_ != State::tag;
  const auto plain = [&] {
    sink(pending_.substr(at_, 1), kPlain);
    before_ = c;
    return size_t{1};
  };
  if (is_word(c) && !is_digit(c) && (is_letter(c) || !may_begin(language_->line_comments))) {
    if (language_->word_characters.find(c) == std::string_view::npos || c == '#')
      return in_markup_text ? plain() : word(final, sink);
  }
  if (c == ' ' || c == '\t') return plain();
  // Marks of comments and strings, the longest that fits first; a beginning of one waits.
  if (!final) {
    if (may_begin(language_->block_open)) return 0;
    if (any_mark(language_->line_comments, [&](std::string_view mark) { return may_begin(mark); })) return 0;
    if (!in_markup_text && std::any_of(language_->strings.begin(), language_->strings.end(),
                                       [&](const StringRule& rule) { return may_begin(rule.open); }))
      return 0;
  }
  if (begins(language_->block_open)) {
    state_ = State::block_comment;
    sink(language_->block_open, kComment);
    return language_->block_open.size();
  }
  // "a#b", "http://" within a word of a shell or YAML are no comments.
  const bool hash_in_word = c == '#' && before_ != ' ' && before_ != '\t' && before_ != '\n' && before_ != ';';
  if (!hash_in_word && any_mark(language_->line_comments, [&](std::string_view mark) { return begins(mark); })) {
    state_ = State::line_comment;
    return step(final, sink);
  }
  if (!in_markup_text) {
    for (const StringRule& rule : language_->strings) {
      if (!begins(rule.open)) continue;
      string_ = &rule;
      state_ = State::string;
      sink(rule.open, kString);
      return rule.open.size();
    }
  }
  if (is_digit(c)) return number(final, sink);
  if (language_->markup && (c == '<' || c == '>')) {
    state_ = c == '<' ? State::tag : State::normal;
    sink(pending_.substr(at_, 1), kKeyword);
    before_ = c;
    return 1;
  }
  if ((c == language_->sigil || c == language_->attribute) && c != '\0') return word(final, sink);
  return plain();
}

size_t Highlighter::word(bool final, const Sink& sink) {
  const std::string_view rest = std::string_view(pending_).substr(at_);
  size_t n = 1;
  while (n < rest.size() && is_word(rest[n])) ++n;
  if (n == rest.size() && !final && n < kMaxWord) return 0;
  // A blank between the name of a function and its parenthesis is rare: what stands right behind decides.
  const char after = n < rest.size() ? rest[n] : '\n';
  const std::string_view found = rest.substr(0, n);
  sink(found, style_of_word(found, after));
  before_ = found.back();
  return n;
}

Style Highlighter::style_of_word(std::string_view word, char after) const {
  const char first = word.front();
  if (first == language_->sigil && first != '\0') return word.size() > 1 ? kVariable : kPlain;
  if (first == language_->attribute && first != '\0') return word.size() > 1 ? kAttribute : kPlain;
  if (language_->markup) return before_ == '<' || before_ == '/' ? kKeyword : kType;
  std::string key(word);
  if (language_->ignores_case) {
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  if (before_ != '.' && lists(language_->keywords, key)) return kKeyword;
  if (before_ != '.' && lists(language_->types, key)) return kType;
  return after == '(' ? kFunction : kPlain;
}

size_t Highlighter::number(bool final, const Sink& sink) {
  const std::string_view rest = std::string_view(pending_).substr(at_);
  size_t n = 1;
  while (n < rest.size() && (is_digit(rest[n]) || is_letter(rest[n]) || rest[n] == '.' || rest[n] == '\'')) ++n;
  if (n == rest.size() && !final && n < kMaxWord) return 0;
  while (n > 1 && (rest[n - 1] == '.' || rest[n - 1] == '\'')) --n;  // the end of a sentence or a range
  sink(rest.substr(0, n), kNumber);
  before_ = rest[n - 1];
  return n;
}

}  // namespace quipu::chat
