#include "chat/line_editor/edit_buffer.h"

#include <algorithm>

#include "text/display.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace quipu::chat {
namespace {

constexpr size_t kMaxUndo = 1000, kMaxKills = 16;

bool is_word(char32_t c) {
  const text::Properties properties(c);
  return properties.is_letter() || properties.is_number() || properties.is_mark() || c == '_';
}

}  // namespace

void EditBuffer::reset(std::string text) {
  text_ = std::move(text);
  cursor_ = text_.size();
  undo_.clear();
  chain_ = Chain::none;
}

void EditBuffer::replace_all(const std::string& text) {
  change(0, text_.size(), text, text.size());
}

void EditBuffer::insert(std::string_view text) {
  change(cursor_, cursor_, text, cursor_ + text.size(), text.size() <= 4 && text != " " && text != "\n");
}

void EditBuffer::replace(size_t begin, size_t end, std::string_view text) {
  change(begin, end, text, begin + text.size());
}

void EditBuffer::change(size_t begin, size_t end, std::string_view text, size_t cursor, bool typed) {
  if (begin == end && text.empty()) return;
  const bool joins = typed && begin == end && !undo_.empty() && undo_.back().typed &&
                     undo_.back().at + undo_.back().inserted.size() == begin;
  if (joins) {
    undo_.back().inserted += text;
  } else {
    if (undo_.size() == kMaxUndo) undo_.erase(undo_.begin());
    undo_.push_back({begin, text_.substr(begin, end - begin), std::string(text), cursor_, typed});
  }
  text_.replace(begin, end - begin, text);
  cursor_ = cursor;
}

void EditBuffer::undo() {
  if (undo_.empty()) return;
  const Edit edit = std::move(undo_.back());
  undo_.pop_back();
  text_.replace(edit.at, edit.inserted.size(), edit.removed);
  cursor_ = edit.cursor_before;
}

// ---- places -----------------------------------------------------------------------------------------------------

size_t EditBuffer::right_of(size_t offset) const {
  return offset < text_.size() ? offset + text::cluster_size(text_, offset) : text_.size();
}

size_t EditBuffer::left_of(size_t offset) const {
  if (offset == 0) return 0;
  // Clusters can only be found forwards: from the beginning of the line, or of a stretch that is long enough to be
  // sure of for what anybody types.
  constexpr size_t kStretch = 256;
  size_t at = offset > kStretch ? offset - kStretch : 0;
  while (at > 0 && (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80) --at;
  const size_t line_end_before = std::string_view(text_).substr(at, offset - at).rfind('\n');
  if (line_end_before != std::string_view::npos) at += line_end_before + 1;
  if (at == offset) return offset - 1;  // the line end before
  for (size_t next = at; next < offset; next = right_of(next)) at = next;
  return at;
}

size_t EditBuffer::line_begin(size_t offset) const {
  const size_t end = offset == 0 ? std::string::npos : text_.rfind('\n', offset - 1);
  return end == std::string::npos ? 0 : end + 1;
}

size_t EditBuffer::line_end(size_t offset) const {
  return std::min(text_.find('\n', offset), text_.size());
}

size_t EditBuffer::word_left_of(size_t offset) const {
  bool in_word = false;
  while (offset > 0) {
    const size_t before = left_of(offset);
    const bool word = is_word(text::decode_at(text_, before).code_point);
    if (in_word && !word) break;
    in_word = in_word || word;
    offset = before;
  }
  return offset;
}

size_t EditBuffer::word_right_of(size_t offset) const {
  bool in_word = false;
  while (offset < text_.size()) {
    const bool word = is_word(text::decode_at(text_, offset).code_point);
    if (in_word && !word) break;
    in_word = in_word || word;
    offset = right_of(offset);
  }
  return offset;
}

size_t EditBuffer::column_to_offset(size_t begin, size_t column) const {
  const size_t end = line_end(begin);
  size_t at = begin;
  while (at < end && text::display_width(std::string_view(text_).substr(begin, right_of(at) - begin)) <= column) {
    at = right_of(at);
  }
  return at;
}

// ---- moving -----------------------------------------------------------------------------------------------------

void EditBuffer::move_left() {
  cursor_ = left_of(cursor_);
}
void EditBuffer::move_right() {
  cursor_ = right_of(cursor_);
}
void EditBuffer::move_word_left() {
  cursor_ = word_left_of(cursor_);
}
void EditBuffer::move_word_right() {
  cursor_ = word_right_of(cursor_);
}

void EditBuffer::move_home() {
  const size_t begin = line_begin(cursor_);
  cursor_ = begin == cursor_ ? 0 : begin;
}

void EditBuffer::move_end() {
  const size_t end = line_end(cursor_);
  cursor_ = end == cursor_ ? text_.size() : end;
}

bool EditBuffer::move_up() {
  const size_t begin = line_begin(cursor_);
  if (begin == 0) return false;
  const size_t column = text::display_width(std::string_view(text_).substr(begin, cursor_ - begin));
  cursor_ = column_to_offset(line_begin(begin - 1), column);
  return true;
}

bool EditBuffer::move_down() {
  const size_t begin = line_begin(cursor_), end = line_end(cursor_);
  if (end == text_.size()) return false;
  const size_t column = text::display_width(std::string_view(text_).substr(begin, cursor_ - begin));
  cursor_ = column_to_offset(end + 1, column);
  return true;
}

// ---- changing ---------------------------------------------------------------------------------------------------

void EditBuffer::erase_left() {
  const size_t begin = left_of(cursor_);
  change(begin, cursor_, "", begin);
}

void EditBuffer::erase_right() {
  change(cursor_, right_of(cursor_), "", cursor_);
}

void EditBuffer::kill(size_t begin, size_t end, bool backwards) {
  if (begin == end) return;
  const std::string killed = text_.substr(begin, end - begin);
  if (chain_ == Chain::kill && !kills_.empty()) {
    kills_.back() = backwards ? killed + kills_.back() : kills_.back() + killed;
  } else {
    if (kills_.size() == kMaxKills) kills_.erase(kills_.begin());
    kills_.push_back(killed);
  }
  chain_ = Chain::kill;
  change(begin, end, "", begin);
}

void EditBuffer::kill_to_end() {
  const size_t end = line_end(cursor_);
  kill(cursor_, end == cursor_ ? right_of(cursor_) : end, false);
}

void EditBuffer::kill_to_start() {
  const size_t begin = line_begin(cursor_);
  kill(begin == cursor_ ? left_of(cursor_) : begin, cursor_, true);
}

void EditBuffer::kill_word_left(bool to_white_space) {
  size_t begin = cursor_;
  if (to_white_space) {
    const auto is_space = [&](size_t at) {
      return text::Properties(text::decode_at(text_, at).code_point).is_white_space();
    };
    while (begin > 0 && is_space(left_of(begin))) begin = left_of(begin);
    while (begin > 0 && !is_space(left_of(begin))) begin = left_of(begin);
  } else {
    begin = word_left_of(cursor_);
  }
  kill(begin, cursor_, true);
}

void EditBuffer::kill_word_right() {
  kill(cursor_, word_right_of(cursor_), false);
}

void EditBuffer::yank() {
  if (kills_.empty()) return;
  yank_index_ = kills_.size() - 1;
  yank_begin_ = cursor_;
  insert(kills_[yank_index_]);
  chain_ = Chain::yank;
}

void EditBuffer::yank_pop() {
  if (chain_ != Chain::yank || kills_.empty()) return;
  yank_index_ = (yank_index_ + kills_.size() - 1) % kills_.size();
  replace(yank_begin_, cursor_, kills_[yank_index_]);
  chain_ = Chain::yank;
}

void EditBuffer::transpose() {
  size_t middle = cursor_;
  if (middle == text_.size()) middle = left_of(middle);
  const size_t begin = left_of(middle), end = right_of(middle);
  if (begin == middle || middle == end) return;
  const std::string swapped = text_.substr(middle, end - middle) + text_.substr(begin, middle - begin);
  change(begin, end, swapped, end);
}

void EditBuffer::change_case(Case to) {
  const size_t end = word_right_of(cursor_);
  const std::string word = text_.substr(cursor_, end - cursor_);
  std::string changed = to == Case::upper ? text::to_upper(word) : text::to_lower(word);
  if (to == Case::capital) {
    size_t first = 0;
    while (first < word.size() && !is_word(text::decode_at(word, first).code_point))
      first += text::decode_at(word, first).size;
    const size_t rest = first < word.size() ? first + text::decode_at(word, first).size : first;
    changed =
        word.substr(0, first) + text::to_upper(word.substr(first, rest - first)) + text::to_lower(word.substr(rest));
  }
  change(cursor_, end, changed, cursor_ + changed.size());
}

}  // namespace quipu::chat
