#include "chat/markdown/inline_parser.h"

#include <algorithm>
#include <optional>

#include "text/unicode.h"
#include "text/utf8.h"

namespace quipu::chat {
namespace {

// Bytes that may wait for a closing mark. Emphasis that is longer is rare, and holding back more would be seen.
constexpr size_t kMaxWaiting = 400;
constexpr int kMaxNesting = 8;
constexpr std::string_view kSpecial = "\\`*_~[!";

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

bool is_punctuation(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 && byte > 0x20 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
}

size_t run_length(std::string_view text, size_t at) {
  size_t n = 1;
  while (at + n < text.size() && text[at + n] == text[at]) ++n;
  return n;
}

// Left- and right-flanking runs (CommonMark 6.2), with bytes beyond ASCII taken for letters.
bool can_open(std::string_view text, size_t at, size_t n, char before) {
  const char after = at + n < text.size() ? text[at + n] : '\n';
  if (is_space(after)) return false;
  const bool flanking = !is_punctuation(after) || is_space(before) || is_punctuation(before);
  const bool closes_too = !is_space(before) && (!is_punctuation(before) || is_punctuation(after));
  return text[at] == '_' ? flanking && (!closes_too || is_punctuation(before)) : flanking;
}

bool can_close(std::string_view text, size_t at, size_t n) {
  const char before = at > 0 ? text[at - 1] : '\n', after = at + n < text.size() ? text[at + n] : '\n';
  if (is_space(before)) return false;
  const bool flanking = !is_punctuation(before) || is_space(after) || is_punctuation(after);
  return text[at] == '_' ? flanking && (is_space(after) || is_punctuation(after)) : flanking;
}

std::optional<size_t> find_code_end(std::string_view text, size_t at, size_t n) {
  for (size_t i = at; i < text.size();) {
    if (text[i] != '`') {
      ++i;
      continue;
    }
    const size_t length = run_length(text, i);
    if (length == n) return i;
    i += length;
  }
  return std::nullopt;
}

// The run of exactly n marks that closes the one before `at`.
std::optional<size_t> find_emphasis_end(std::string_view text, size_t at, char mark, size_t n) {
  for (size_t i = at; i < text.size();) {
    if (text[i] == '\\') {
      i += 2;
    } else if (text[i] == '`') {
      const size_t length = run_length(text, i);
      const auto end = find_code_end(text, i + length, length);
      i = end ? *end + length : i + length;
    } else if (text[i] == mark) {
      const size_t length = run_length(text, i);
      if (length == n && i > at && can_close(text, i, length)) return i;
      // The end of an emphasis within, and ours: "**a *b***".
      if (length > n && i > at && can_close(text, i, length) && n < 3) return i + length - n;
      i += length;
    } else {
      ++i;
    }
  }
  return std::nullopt;
}

struct Link {
  std::string_view label, target;
  size_t size;
};
// [label](target) at the start of the text. Unsure: it could become one with more text.
std::optional<Link> find_link(std::string_view text, bool& unsure) {
  unsure = false;
  size_t depth = 0, at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '[')
      ++depth;
    else if (text[at] == ']' && --depth == 0)
      break;
  }
  if (at >= text.size() || at + 1 >= text.size()) return unsure = true, std::nullopt;
  if (text[at + 1] != '(') return std::nullopt;
  const size_t end = text.find(')', at + 2);
  if (end == text.npos) return unsure = true, std::nullopt;
  return Link{text.substr(1, at - 1), text.substr(at + 2, end - at - 2), end + 1};
}

class Pass {
 public:
  Pass(std::string_view text, char before, bool final, const InlineParser::Sink& sink)
      : text_(text), before_(before), final_(final), sink_(sink) {}

  // Returns how many bytes were handed out.
  size_t run(const Style& style, int nesting) {
    while (at_ < text_.size()) {
      const size_t special = std::min(text_.find_first_of(kSpecial, at_), text_.size());
      if (special > at_) {
        put(special - at_, style);
        continue;
      }
      if (!special_at(style, nesting)) break;
    }
    return at_;
  }

 private:
  void put(size_t n, const Style& style) {
    if (n == 0) return;
    sink_(text_.substr(at_, n), style);
    before_ = text_[at_ + n - 1];
    at_ += n;
  }
  void skip(size_t n) {
    before_ = text_[at_ + n - 1];
    at_ += n;
  }
  void put_inner(std::string_view inner, const Style& style, int nesting) {
    Pass(inner, before_, true, sink_).run(style, nesting + 1);
  }

  // False if more text is needed.
  bool special_at(const Style& style, int nesting) {
    switch (text_[at_]) {
      case '\\':
        return backslash(style);
      case '`':
        return code(style);
      case '[':
        return link(style, nesting, 0);
      case '!':
        if (at_ + 1 == text_.size() && !final_) return false;
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '[') return link(style, nesting, 1);
        put(1, style);
        return true;
      default:
        return emphasis(style, nesting);
    }
  }

  bool backslash(const Style& style) {
    if (at_ + 1 == text_.size()) {
      if (!final_) return false;
      put(1, style);
      return true;
    }
    if (is_punctuation(text_[at_ + 1])) {
      skip(1);
      put(1, style);
    } else {
      put(1, style);
    }
    return true;
  }

  bool code(const Style& style) {
    const size_t n = run_length(text_, at_);
    if (at_ + n == text_.size() && !final_) return false;
    const auto end = find_code_end(text_, at_ + n, n);
    if (!end) return give_up(n, style);
    if (*end + n == text_.size() && !final_) return false;  // the closing run could still grow
    Style code_style = style;
    code_style.color = Color::cyan;
    std::string_view inner = text_.substr(at_ + n, *end - at_ - n);
    if (inner.size() > 2 && inner.front() == ' ' && inner.back() == ' ') inner = inner.substr(1, inner.size() - 2);
    sink_(inner, code_style);
    skip(*end + n - at_);
    return true;
  }

  bool link(const Style& style, int nesting, size_t marks) {
    bool unsure = false;
    const auto found = find_link(text_.substr(at_ + marks), unsure);
    if (!found) return unsure ? give_up(1 + marks, style) : (put(1 + marks, style), true);
    Style label = style;
    label.underline = true;
    if (nesting < kMaxNesting) put_inner(found->label, label, nesting);
    if (found->target != found->label && !found->target.empty()) {
      Style target = style;
      target.color = Color::grey;
      sink_(" (", target);
      sink_(found->target, target);
      sink_(")", target);
    }
    skip(marks + found->size);
    return true;
  }

  bool emphasis(const Style& style, int nesting) {
    const char mark = text_[at_];
    const size_t n = run_length(text_, at_);
    if (at_ + n == text_.size() && !final_) return false;  // what follows decides
    const bool known = mark == '~' ? n == 2 : n <= 3;
    if (!known || nesting >= kMaxNesting || !can_open(text_, at_, n, before_)) return put(n, style), true;
    const auto end = find_emphasis_end(text_, at_ + n, mark, n);
    if (!end) return give_up(n, style);
    if (*end + n == text_.size() && !final_) return false;
    Style inner = style;
    if (mark == '~') inner.strike = true;
    if (mark != '~' && n != 2) inner.italic = true;
    if (mark != '~' && n >= 2) inner.bold = true;
    const std::string_view content = text_.substr(at_ + n, *end - at_ - n);
    before_ = mark;
    put_inner(content, inner, nesting);
    skip(*end + n - at_);
    return true;
  }

  // Waits for the closing mark while it may come; then the opening one is plain text.
  bool give_up(size_t n, const Style& style) {
    if (!final_ && text_.size() - at_ < kMaxWaiting) return false;
    put(n, style);
    return true;
  }

  std::string_view text_;
  char before_;
  bool final_;
  const InlineParser::Sink& sink_;
  size_t at_ = 0;
};

}  // namespace

void InlineParser::push(std::string_view text) {
  pending_ += text;
  run(false);
}

void InlineParser::finish() {
  run(true);
  before_ = '\n';
}

void InlineParser::run(bool final) {
  const size_t n = Pass(pending_, before_, final, sink_).run(base_, 0);
  if (n > 0) before_ = pending_[n - 1];
  pending_.erase(0, n);
}

void parse_inline(std::string_view text, const Style& base, const InlineParser::Sink& sink) {
  Pass(text, '\n', true, sink).run(base, 0);
}

}  // namespace quipu::chat
