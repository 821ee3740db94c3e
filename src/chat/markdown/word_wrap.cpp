#include "chat/markdown/word_wrap.h"

#include <fmt/format.h>

#include "text/display.h"

namespace quipu::chat {

void WordWrap::resize(size_t columns) {
  if (columns == columns_) return;
  columns_ = columns;
  // What the terminal made of the row that was begun is unknown: most set it anew, and the cursor is in the last part.
  end_word();
  if (columns_ > 0) column_ %= columns_;
}

void WordWrap::set_prefix(std::string first, std::string further, Style style) {
  first_prefix_ = std::move(first);
  further_prefix_ = std::move(further);
  prefix_style_ = style;
}

void WordWrap::emit(std::string_view text, const Style& style) {
  out_ += style_change(style_, style);
  style_ = style;
  out_ += text;
}

void WordWrap::begin_line() {
  const std::string& prefix = wrapped_ ? further_prefix_ : first_prefix_;
  if (!prefix.empty()) emit(prefix, prefix_style_);
  column_ = line_begin_ = text::display_width(prefix);
  at_line_start_ = false;
  spaces_.clear();
}

void WordWrap::put_spaces() {
  if (spaces_.empty()) return;
  emit(spaces_, spaces_style_);
  column_ += spaces_.size();
  spaces_.clear();
}

// The word goes on over the margin: erased here, written again on the next line.
void WordWrap::break_before_word() {
  // By column, not backwards: at the margin the cursor stands on the last character or behind it, as the terminal
  // likes.
  out_ += fmt::format("\r\x1b[{}C\x1b[K", column_ - word_width_);
  const auto word = std::exchange(word_, {});
  const size_t width = std::exchange(word_width_, 0);
  out_ += "\r\n";
  wrapped_ = true;
  begin_line();
  for (const Piece& piece : word) emit(piece.text, piece.style);
  column_ += width;
  word_ = word;
  word_width_ = width;
}

void WordWrap::put_cluster(std::string_view cluster, size_t width, const Style& style) {
  if (at_line_start_) begin_line();
  const bool wide = width > 1;
  if (wide) end_word();
  if (columns_ > 0 && column_ + spaces_.size() + width > columns_) {
    if (word_width_ > 0 && column_ - word_width_ > line_begin_) {
      break_before_word();
    } else if (column_ > line_begin_) {
      out_ += "\r\n";
      end_word();
      wrapped_ = true;
      begin_line();
    }
  }
  put_spaces();
  emit(cluster, style);
  column_ += width;
  if (wide) return;
  if (word_.empty() || word_.back().style != style) word_.push_back({"", style});
  word_.back().text += cluster;
  word_width_ += width;
}

void WordWrap::put(std::string_view text, const Style& style) {
  for (size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\t') {
      end_word();
      if (at_line_start_) begin_line();
      spaces_ += ' ';
      spaces_style_ = style;
      ++at;
      continue;
    }
    const size_t n = text::cluster_size(text, at);
    put_cluster(text.substr(at, n), text::display_width(text.substr(at, n)), style);
    at += n;
  }
}

void WordWrap::put_verbatim(std::string_view text, const Style& style) {
  if (at_line_start_) begin_line();
  put_spaces();
  emit(text, style);
}

void WordWrap::put_raw(std::string_view output) {
  out_ += output;
  at_line_start_ = true;
  wrapped_ = false;
  column_ = line_begin_ = 0;
}

void WordWrap::end_word() {
  word_.clear();
  word_width_ = 0;
}

void WordWrap::reset_style() {
  out_ += style_change(style_, Style{});
  style_ = {};
}

void WordWrap::end_line() {
  end_word();
  reset_style();
  spaces_.clear();
  out_ += "\r\n";
  at_line_start_ = true;
  wrapped_ = false;
  column_ = line_begin_ = 0;
}

}  // namespace quipu::chat
