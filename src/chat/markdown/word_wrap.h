// Sets styled text between the margins of a terminal while it streams.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/markdown/style.h"

namespace quipu::chat {

// Words are written at once, letter by letter; one that turns out to reach over the margin is taken back and written on
// the next line. A word longer than a line is cut. Lines end at white space and between wide characters (CJK).
class WordWrap {
 public:
  explicit WordWrap(size_t columns) : columns_(columns) {}
  void resize(size_t columns);

  // What begins the next line, and those that the text is wrapped into.
  void set_prefix(std::string first, std::string further, Style style = {});
  // Text without line ends.
  void put(std::string_view text, const Style& style);
  // Text that is not wrapped (code): the terminal cuts it where it must.
  void put_verbatim(std::string_view text, const Style& style);
  // What is complete in itself, at the beginning of a line, and leaves there.
  void put_raw(std::string_view output);
  void end_line();
  // Ends the word that was begun: white space follows, as far as wrapping is concerned.
  void end_word();
  // Back to the terminal's own style.
  void reset_style();
  // The output since the last call.
  std::string take() { return std::exchange(out_, {}); }
  [[nodiscard]] bool at_line_start() const { return at_line_start_; }

 private:
  struct Piece {
    std::string text;
    Style style;
  };
  void begin_line();
  void emit(std::string_view text, const Style& style);
  void put_cluster(std::string_view cluster, size_t width, const Style& style);
  void put_spaces();
  void break_before_word();

  size_t columns_;
  std::string first_prefix_, further_prefix_;
  Style prefix_style_;
  Style style_;  // what the terminal is in
  std::string out_;
  bool at_line_start_ = true, wrapped_ = false;
  size_t column_ = 0, line_begin_ = 0;  // line_begin_: the column behind the prefix
  std::vector<Piece> word_;             // already written
  size_t word_width_ = 0;
  std::string spaces_;  // not yet written
  Style spaces_style_;
};

}  // namespace quipu::chat
