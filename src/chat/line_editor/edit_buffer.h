// The text being typed: a cursor, Emacs' editing commands, a kill ring, undo.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quipu::chat {

// Text is UTF-8; the cursor is a byte offset that never stands inside a cluster (what the terminal draws as one).
class EditBuffer {
 public:
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] size_t cursor() const { return cursor_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

  // Replaces everything, without a trace in the undo history; the cursor goes to the end.
  void reset(std::string text);
  // The same as one step that can be undone.
  void replace_all(const std::string& text);
  void insert(std::string_view text);
  // Replaces [begin, end) and puts the cursor behind the new text.
  void replace(size_t begin, size_t end, std::string_view text);

  void move_left();
  void move_right();
  void move_word_left();
  void move_word_right();
  void move_home();  // of the line; at its beginning already: of the text
  void move_end();
  // To the same column of the line above or below. False if there is none.
  bool move_up();
  bool move_down();
  void set_cursor(size_t offset) { cursor_ = offset; }

  void erase_left();
  void erase_right();
  // What is killed can be yanked; kills in a row are joined.
  void kill_to_end();
  void kill_to_start();
  void kill_word_left(bool to_white_space);
  void kill_word_right();
  void yank();
  void yank_pop();  // right after a yank: the kill before it instead
  void transpose();
  enum class Case { upper, lower, capital };
  void change_case(Case to);
  void undo();

  // Says that a command came that was no kill and no yank: the next kill begins anew.
  void end_chain() { chain_ = Chain::none; }

 private:
  struct Edit {
    size_t at;
    std::string removed, inserted;
    size_t cursor_before;
    bool typed;  // a single character: joined with the next one
  };
  enum class Chain { none, kill, yank };

  void change(size_t begin, size_t end, std::string_view text, size_t cursor, bool typed = false);
  void kill(size_t begin, size_t end, bool backwards);
  [[nodiscard]] size_t left_of(size_t offset) const;
  [[nodiscard]] size_t right_of(size_t offset) const;
  [[nodiscard]] size_t word_left_of(size_t offset) const;
  [[nodiscard]] size_t word_right_of(size_t offset) const;
  [[nodiscard]] size_t line_begin(size_t offset) const;
  [[nodiscard]] size_t line_end(size_t offset) const;
  [[nodiscard]] size_t column_to_offset(size_t begin, size_t column) const;

  std::string text_;
  size_t cursor_ = 0;
  std::vector<Edit> undo_;
  std::vector<std::string> kills_;  // the newest last
  size_t yank_index_ = 0, yank_begin_ = 0;
  Chain chain_ = Chain::none;
};

}  // namespace quipu::chat
