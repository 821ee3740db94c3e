#include "chat/line_editor/editor_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/display.h"

namespace quipu::chat {
namespace {

constexpr size_t kTabWidth = 4;
constexpr std::string_view kGrey = "\x1b[90m", kPlain = "\x1b[39m";

// Cells of a text in which CSI ... m sequences take none.
size_t styled_width(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = std::min(text.find('m', i), text.size());
    } else {
      plain += text[i];
    }
  }
  return text::display_width(plain);
}

class LayoutBuilder {
 public:
  explicit LayoutBuilder(size_t columns) : columns_(std::max<size_t>(columns, 2)) {}

  void begin_row(const std::string& prompt) {
    layout_.rows.push_back(prompt);
    column_ = std::min(styled_width(prompt), columns_ - 1);
  }
  void put(std::string_view cluster, size_t width, bool is_cursor = false) {
    if (column_ + width > columns_) wrap();
    if (is_cursor) mark_cursor();
    layout_.rows.back() += cluster;
    column_ += width;
  }
  void mark_cursor() {
    if (column_ == columns_) wrap();
    layout_.cursor_row = layout_.rows.size() - 1;
    layout_.cursor_column = column_;
  }
  void put_text(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const size_t n = text::cluster_size(text, at);
      put(text.substr(at, n), text::display_width(text.substr(at, n)));
      at += n;
    }
  }
  void append(std::string_view sequence) { layout_.rows.back() += sequence; }
  [[nodiscard]] size_t column() const { return column_; }
  [[nodiscard]] Layout take() { return std::move(layout_); }

 private:
  void wrap() {
    layout_.rows.emplace_back();
    column_ = 0;
  }
  size_t columns_, column_ = 0;
  Layout layout_;
};

std::string cut(std::string_view line, size_t columns) {
  size_t width = 0, at = 0;
  while (at < line.size()) {
    const size_t n =
        line[at] == '\x1b' ? std::min(line.find('m', at), line.size() - 1) + 1 - at : text::cluster_size(line, at);
    if (line[at] != '\x1b') width += text::display_width(line.substr(at, n));
    if (width > columns) break;
    at += n;
  }
  return std::string(line.substr(0, at));
}

}  // namespace

Layout layout_of(const ViewContent& content, size_t columns) {
  LayoutBuilder builder(columns);
  builder.begin_row(content.prompt);
  const std::string_view text = content.text;
  for (size_t at = 0; at < text.size();) {
    const bool is_cursor = at == content.cursor;
    if (text[at] == '\n') {
      if (is_cursor) builder.mark_cursor();
      builder.begin_row(content.continuation);
      ++at;
    } else if (text[at] == '\t') {
      const size_t width = kTabWidth - builder.column() % kTabWidth;
      for (size_t i = 0; i < width; ++i) builder.put(" ", 1, is_cursor && i == 0);
      ++at;
    } else {
      const size_t n = text::cluster_size(text, at);
      builder.put(text.substr(at, n), text::display_width(text.substr(at, n)), is_cursor);
      at += n;
    }
  }
  if (content.cursor >= text.size()) {
    builder.mark_cursor();
    if (!content.hint.empty()) {
      builder.append(kGrey);
      builder.put_text(content.hint);
      builder.append(kPlain);
    }
  }
  Layout layout = builder.take();
  for (const std::string& line : content.below) layout.rows.push_back(cut(line, columns));
  return layout;
}

void EditorView::resize(int columns, int rows) {
  columns_ = static_cast<size_t>(std::max(columns, 2));
  rows_ = static_cast<size_t>(std::max(rows, 2));
}

std::string EditorView::paint(const ViewContent& content) {
  Layout layout = layout_of(content, columns_);
  // Of a text taller than the screen the part around the cursor.
  const size_t height = std::min(rows_, layout.rows.size());
  top_ = std::min(top_, layout.rows.size() - height);
  if (layout.cursor_row < top_) top_ = layout.cursor_row;
  if (layout.cursor_row >= top_ + height) top_ = layout.cursor_row + 1 - height;
  const auto first = layout.rows.begin() + static_cast<std::ptrdiff_t>(top_);
  std::vector<std::string> rows(std::make_move_iterator(first),
                                std::make_move_iterator(first + static_cast<std::ptrdiff_t>(height)));

  std::string out;
  if (cursor_row_ > 0) out += fmt::format("\x1b[{}A", cursor_row_);
  out += '\r';
  size_t at = 0;  // the row where the terminal's cursor is
  const auto go_to = [&](size_t row) {
    if (row < at) out += fmt::format("\x1b[{}A", at - row);
    for (; at < row; ++at) out += "\r\n";  // unlike a cursor movement it scrolls where the screen ends
    at = row;
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i < shown_.size() && shown_[i] == rows[i]) continue;
    go_to(i);
    // Erased before, not after: after a full row it would take the last character on some terminals.
    out += "\r\x1b[K" + rows[i];
  }
  if (shown_.size() > rows.size()) {
    go_to(rows.size());
    out += "\r\x1b[J";
  }
  go_to(layout.cursor_row - top_);
  out += '\r';
  if (layout.cursor_column > 0) out += fmt::format("\x1b[{}C", layout.cursor_column);
  shown_ = std::move(rows);
  cursor_row_ = layout.cursor_row - top_;
  return out;
}

std::string EditorView::leave() {
  std::string out;
  if (!shown_.empty() && cursor_row_ + 1 < shown_.size())
    out += fmt::format("\x1b[{}B", shown_.size() - 1 - cursor_row_);
  out += "\r\n";
  forget();
  return out;
}

void EditorView::forget() {
  shown_.clear();
  cursor_row_ = 0;
  top_ = 0;
}

}  // namespace quipu::chat
