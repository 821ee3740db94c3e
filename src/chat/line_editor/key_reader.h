// Bytes from a terminal become key presses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quipu::chat {

enum class Key : uint8_t {
  text,   // characters to insert
  paste,  // pasted text: its line ends are no Enter
  enter,
  newline,  // ctrl-j, alt-enter
  tab,
  backtab,
  backspace,
  delete_forward,
  left,
  right,
  up,
  down,
  home,
  end,
  word_left,
  word_right,
  history_first,
  history_last,
  kill_to_end,
  kill_to_start,
  kill_word_left,        // to white space
  kill_word_left_short,  // to the beginning of a word
  kill_word_right,
  yank,
  yank_pop,
  transpose,
  uppercase_word,
  lowercase_word,
  capitalize_word,
  undo,
  clear_screen,
  search_back,
  search_forward,
  cancel,                  // ctrl-g
  escape,                  // alone
  interrupt,               // ctrl-c
  end_of_input_or_delete,  // ctrl-d
  suspend,                 // ctrl-z
  edit_externally,         // ctrl-x ctrl-e
  cursor_report,           // the terminal's answer to "where is the cursor": text is "ROW;COLUMN"
  ignored,
};

struct KeyPress {
  Key key = Key::ignored;
  std::string text = {};
};

// Understands the sequences of xterm and its kin (CSI and SS3, modifiers, bracketed paste), ctrl and alt (ESC in front)
// combinations. Bytes come in pieces of any size. Text is valid UTF-8 without control characters: ill-formed bytes
// become U+FFFD; in a paste line ends become '\n' and tabs stay.
class KeyReader {
 public:
  void push(std::string_view bytes) { pending_ += bytes; }
  // The next key press, or nothing while more bytes are needed. `no_more`: none came for a while, so that what could
  // begin a longer sequence is complete (a lone Escape).
  std::optional<KeyPress> next(bool no_more);
  [[nodiscard]] bool waiting() const { return pasting_ || at_ < pending_.size(); }
  // How long to wait for further bytes before next(true) is due; below 0: without end.
  [[nodiscard]] int patience_ms() const;

 private:
  std::optional<KeyPress> next_pasted(bool no_more);
  std::optional<KeyPress> next_escape(bool no_more);
  std::optional<KeyPress> next_text(bool no_more);
  std::optional<KeyPress> sequence(size_t begin);
  void consume(size_t n);
  [[nodiscard]] std::string_view rest() const { return std::string_view(pending_).substr(at_); }

  std::string pending_;
  size_t at_ = 0;
  bool pasting_ = false, after_ctrl_x_ = false;
  std::string pasted_;
};

// Valid UTF-8 with "\n" as line ends and without other control characters than tabs.
std::string cleaned_paste(std::string_view text);

}  // namespace quipu::chat
