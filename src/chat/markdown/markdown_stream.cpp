#include "chat/markdown/markdown_stream.h"

#include <algorithm>

#include "text/utf8.h"

namespace quipu::chat {
namespace {

constexpr Style kFenceStyle{.color = Color::grey};
constexpr Style kMarkStyle{.color = Color::cyan};
constexpr Style kBarStyle{.color = Color::grey};
constexpr size_t kMaxIndent = 40;  // a deeper list is drawn no deeper

size_t leading_blanks(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

bool could_be_rule(std::string_view line) {
  const std::string_view marks = line.substr(leading_blanks(line));
  return !marks.empty() && std::string_view("-*_").find(marks[0]) != marks.npos &&
         marks.find_first_not_of(std::string(1, marks[0]) + " ") == marks.npos;
}
bool is_rule(std::string_view line) {
  return could_be_rule(line) && std::count_if(line.begin(), line.end(), [](char c) { return c != ' '; }) >= 3;
}

// "12. " or "12) ": the size with the blank, 0 if it is none. Unsure: it could become one.
size_t number_mark(std::string_view text, bool& unsure) {
  size_t n = 0;
  while (n < text.size() && n < 9 && text[n] >= '0' && text[n] <= '9') ++n;
  unsure = false;
  if (n == 0) return 0;
  if (n == text.size()) return unsure = true, 0;
  if (text[n] != '.' && text[n] != ')') return 0;
  if (n + 1 == text.size()) return unsure = true, 0;
  return text[n + 1] == ' ' ? n + 2 : 0;
}

}  // namespace

MarkdownStream::MarkdownStream(size_t columns)
    : columns_(columns),
      wrap_(columns),
      inline_([this](std::string_view piece, const Style& style) { wrap_.put(piece, style); }) {}

MarkdownStream::~MarkdownStream() = default;

void MarkdownStream::resize(size_t columns) {
  columns_ = columns;
  wrap_.resize(columns);
}

std::string MarkdownStream::push(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t n = text::decode_at(text, at).size;
    take_character(text.substr(at, n));
    at += n;
  }
  return wrap_.take();
}

std::string MarkdownStream::finish() {
  if (block_ != Block::undecided || !line_start_.empty()) end_line();
  flush_table();
  fence_.reset();
  wrap_.reset_style();
  return wrap_.take();
}

void MarkdownStream::take_character(std::string_view character) {
  if (character == "\n") return end_line();
  switch (block_) {
    case Block::text:
      return text(character);
    case Block::code:
      return code(character);
    case Block::undecided:
      line_start_ += character;
      return decide(false);
    case Block::fence_line:
    case Block::table:
      line_start_ += character;
      return;
  }
}

void MarkdownStream::text(std::string_view content) {
  inline_.push(content);
}

void MarkdownStream::code(std::string_view content) {
  highlighter_->push(content, [this](std::string_view piece, const Style& style) { wrap_.put_verbatim(piece, style); });
}

void MarkdownStream::end_line() {
  if (block_ == Block::undecided) decide(true);
  const std::string line = std::exchange(line_start_, {});
  switch (std::exchange(block_, Block::undecided)) {
    case Block::fence_line:
      begin_fence(line);
      break;
    case Block::table:
      table_.add(line);
      // Something moves while a long table is on its way.
      if (!std::exchange(table_note_, true)) wrap_.put_verbatim("(a table ...)", kFenceStyle);
      return;
    case Block::code:
      highlighter_->end_line([this](std::string_view piece, const Style& style) { wrap_.put_verbatim(piece, style); });
      break;
    case Block::text:
      inline_.finish();
      break;
    case Block::undecided:
      break;
  }
  wrap_.end_line();
  wrap_.set_prefix("", "");
  inline_.set_base({});
}

void MarkdownStream::flush_table() {
  if (table_.empty()) return;
  std::string drawn = table_.draw(columns_);
  table_.clear();
  table_note_ = false;
  wrap_.reset_style();
  wrap_.put_raw("\r\x1b[K" + drawn);
}

// Looks at the beginning of a line until it is clear what it begins. `final`: that is the whole line.
void MarkdownStream::decide(bool final) {
  if (fence_) {
    if (!decide_code_line(final)) return;
    block_ = Block::code;
    return code(std::exchange(line_start_, {}));
  }
  const std::string line = line_start_;
  const size_t indent = leading_blanks(line);
  const std::string_view rest = std::string_view(line).substr(indent);
  if (Table::is_row(rest)) {
    block_ = Block::table;
    return;
  }
  if (rest.empty() && !final) return;
  flush_table();
  if (rest.empty()) return begin_text("", "", {}, "");
  // Each of these may wait for more of the line.
  if (rest[0] == '`' || rest[0] == '~') {
    const size_t n = std::min(rest.find_first_not_of(rest[0]), rest.size());
    if (n >= 3) {
      block_ = Block::fence_line;
      return;
    }
    if (n == rest.size() && !final) return;
  }
  if (rest[0] == '#') {
    const size_t n = std::min(rest.find_first_not_of('#'), rest.size());
    if (n == rest.size() && !final) return;
    if (n <= 6 && (n == rest.size() || rest[n] == ' ')) {
      const Style style{.color = Color::magenta, .bold = true, .underline = n == 1};
      const std::string_view title = rest.substr(std::min(rest.find_first_not_of(' ', n), rest.size()));
      if (title.empty() && !final) return;
      return begin_text("", "", style, title);
    }
  }
  if (could_be_rule(line)) {
    if (!final && is_rule(line)) return;
    if (final && is_rule(line)) {
      std::string drawn;
      for (size_t i = 0; i < std::clamp<size_t>(columns_, 3, 80); ++i) drawn += "─";
      block_ = Block::text;
      return wrap_.put_verbatim(drawn, kBarStyle);
    }
    if (!final && rest.size() < 3) return;  // "--", "* "
  }
  if (rest == "+" && !final) return;
  if ((rest[0] == '-' || rest[0] == '*' || rest[0] == '+') && rest.size() > 1 && rest[1] == ' ') {
    return begin_item(indent, 2);
  }
  if (rest[0] == '>') {
    if (rest.size() == 1 && !final) return;
    const size_t skip = rest.size() > 1 && rest[1] == ' ' ? 2 : 1;
    const std::string bar(std::string(std::min(indent, kMaxIndent), ' ') + "│ ");
    wrap_.set_prefix(bar, bar, kBarStyle);
    return begin_text(bar, bar, Style{.italic = true}, rest.substr(skip));
  }
  bool unsure = false;
  const size_t number = number_mark(rest, unsure);
  if (unsure && !final) return;
  if (number > 0) return begin_item(indent, number);
  const std::string margin(std::min(indent, kMaxIndent), ' ');
  begin_text(margin, margin, {}, rest);
}

// In fenced code: whether the line can't be the closing fence. If it can, and is whole, the fence ends.
bool MarkdownStream::decide_code_line(bool final) {
  const std::string_view line = line_start_;
  const std::string_view rest = line.substr(leading_blanks(line));
  const size_t n = std::min(rest.find_first_not_of(fence_->mark), rest.size());
  const bool only_marks = rest.find_first_not_of(' ', n) == rest.npos;
  if (!only_marks || leading_blanks(line) > fence_->indent + 3) return true;
  if (!final) return false;
  if (n < fence_->length) return true;
  wrap_.put_verbatim(line, kFenceStyle);
  line_start_.clear();
  fence_.reset();
  return false;
}

void MarkdownStream::begin_fence(std::string_view line) {
  const size_t indent = leading_blanks(line);
  const std::string_view rest = line.substr(indent);
  const size_t n = std::min(rest.find_first_not_of(rest[0]), rest.size());
  fence_ = Fence{rest[0], n, indent};
  const std::string_view info = rest.substr(std::min(rest.find_first_not_of(' ', n), rest.size()));
  highlighter_ = std::make_unique<Highlighter>(find_language(info));
  wrap_.put_verbatim(line, kFenceStyle);
}

void MarkdownStream::begin_item(size_t indent, size_t mark_size) {
  const std::string line = line_start_;
  const std::string mark = line.substr(indent, mark_size);
  const std::string margin(std::min(indent, kMaxIndent), ' ');
  const bool bullet = mark_size == 2 && (mark[0] < '0' || mark[0] > '9');
  std::string_view rest = std::string_view(line).substr(indent + mark_size);
  std::string shown = bullet ? "• " : mark;
  wrap_.set_prefix(margin + shown, margin + std::string(mark.size(), ' '), kMarkStyle);
  inline_.set_base({});
  block_ = Block::text;
  line_start_.clear();
  text(rest);
}

void MarkdownStream::begin_text(std::string prefix, std::string further, Style base, std::string_view rest) {
  const bool bar = !prefix.empty() && prefix.back() == ' ' && base.italic;
  wrap_.set_prefix(std::move(prefix), std::move(further), bar ? kBarStyle : Style{});
  inline_.set_base(base);
  block_ = Block::text;
  const std::string content(rest);
  line_start_.clear();
  text(content);
}

}  // namespace quipu::chat
