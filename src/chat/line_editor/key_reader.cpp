#include "chat/line_editor/key_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/utf8.h"

namespace quipu::chat {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::string_view kPasteBegin = "\x1b[200~", kPasteEnd = "\x1b[201~";
// Longer than any sequence that a terminal sends for a key; what is longer is dropped as garbage.
constexpr size_t kMaxSequence = 32;

Key control_key(char c) {
  switch (c) {
    case 1:
      return Key::home;  // ctrl-a
    case 2:
      return Key::left;  // ctrl-b
    case 3:
      return Key::interrupt;  // ctrl-c
    case 4:
      return Key::end_of_input_or_delete;  // ctrl-d
    case 5:
      return Key::end;  // ctrl-e
    case 6:
      return Key::right;  // ctrl-f
    case 7:
      return Key::cancel;  // ctrl-g
    case 8:
      return Key::backspace;  // ctrl-h
    case 9:
      return Key::tab;
    case 10:
      return Key::newline;  // ctrl-j
    case 11:
      return Key::kill_to_end;  // ctrl-k
    case 12:
      return Key::clear_screen;  // ctrl-l
    case 13:
      return Key::enter;
    case 14:
      return Key::down;  // ctrl-n
    case 16:
      return Key::up;  // ctrl-p
    case 18:
      return Key::search_back;  // ctrl-r
    case 19:
      return Key::search_forward;  // ctrl-s
    case 20:
      return Key::transpose;  // ctrl-t
    case 21:
      return Key::kill_to_start;  // ctrl-u
    case 23:
      return Key::kill_word_left;  // ctrl-w
    case 25:
      return Key::yank;  // ctrl-y
    case 26:
      return Key::suspend;  // ctrl-z
    case 31:
      return Key::undo;  // ctrl-_
    case 127:
      return Key::backspace;
    default:
      return Key::ignored;
  }
}

Key alt_key(char c) {
  switch (c) {
    case 'b':
    case 'B':
      return Key::word_left;
    case 'f':
    case 'F':
      return Key::word_right;
    case 'd':
    case 'D':
      return Key::kill_word_right;
    case 'y':
    case 'Y':
      return Key::yank_pop;
    case 'u':
    case 'U':
      return Key::uppercase_word;
    case 'l':
    case 'L':
      return Key::lowercase_word;
    case 'c':
    case 'C':
      return Key::capitalize_word;
    case '<':
      return Key::history_first;
    case '>':
      return Key::history_last;
    case '\r':
    case '\n':
      return Key::newline;
    case '\b':
    case '\x7f':
      return Key::kill_word_left_short;
    default:
      return Key::ignored;
  }
}

// The final character of CSI or SS3 sequences; `modified`: with ctrl or alt.
Key letter_key(char final, bool modified) {
  switch (final) {
    case 'A':
      return Key::up;
    case 'B':
      return Key::down;
    case 'C':
      return modified ? Key::word_right : Key::right;
    case 'D':
      return modified ? Key::word_left : Key::left;
    case 'H':
      return Key::home;
    case 'F':
      return Key::end;
    case 'Z':
      return Key::backtab;
    default:
      return Key::ignored;
  }
}

// CSI n ~
Key number_key(int n, bool modified) {
  switch (n) {
    case 1:
    case 7:
      return Key::home;
    case 3:
      return modified ? Key::kill_word_right : Key::delete_forward;
    case 4:
    case 8:
      return Key::end;
    default:
      return Key::ignored;
  }
}

// CSI code ; modifiers u, and CSI 27 ; modifiers ; code ~: Enter with a modifier key is a new line.
Key unicode_key(int code, bool modified) {
  if (code == 13) return modified ? Key::newline : Key::enter;
  if (code == 9) return Key::tab;
  if (code == 127) return modified ? Key::kill_word_left_short : Key::backspace;
  return Key::ignored;
}

std::array<int, 3> numbers_of(std::string_view parameters) {
  std::array<int, 3> numbers{};
  size_t i = 0;
  for (const char c : parameters) {
    if (c == ';') {
      if (++i == numbers.size()) break;
    } else if (c >= '0' && c <= '9') {
      numbers[i] = std::min(numbers[i] * 10 + (c - '0'), 100'000);
    }
  }
  return numbers;
}

}  // namespace

std::string cleaned_paste(std::string_view text) {
  std::string cleaned;
  cleaned.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\r') {
      cleaned += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7f)) {
      cleaned += text[i];
    }
  }
  cleaned = text::replace_invalid(cleaned);
  // The control characters of ISO 8859 (U+0080 to U+009F) can be well-formed UTF-8.
  std::string result;
  result.reserve(cleaned.size());
  for (size_t i = 0; i < cleaned.size(); ++i) {
    if (cleaned[i] == '\xc2' && static_cast<unsigned char>(cleaned[i + 1]) < 0xa0) {
      ++i;
    } else {
      result += cleaned[i];
    }
  }
  return result;
}

void KeyReader::consume(size_t n) {
  at_ += n;
  if (at_ == pending_.size()) {
    pending_.clear();
    at_ = 0;
  }
}

int KeyReader::patience_ms() const {
  // A key's sequence comes at once, also over a slow line; a large paste may pause.
  constexpr int kSequence_ms = 50, kPaste_ms = 3000;
  return pasting_ ? kPaste_ms : waiting() ? kSequence_ms : -1;
}

std::optional<KeyPress> KeyReader::next(bool no_more) {
  if (!waiting()) return std::nullopt;
  if (pasting_) return next_pasted(no_more);
  const char c = rest().front();
  if (c == kEscape) return next_escape(no_more);
  if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && !after_ctrl_x_) return next_text(no_more);
  consume(1);
  if (std::exchange(after_ctrl_x_, false)) {
    if (c == 5) return KeyPress{Key::edit_externally};    // ctrl-x ctrl-e
    return KeyPress{c == 21 ? Key::undo : Key::ignored};  // ctrl-x ctrl-u
  }
  after_ctrl_x_ = c == 24;
  return KeyPress{control_key(c)};
}

std::optional<KeyPress> KeyReader::next_pasted(bool no_more) {
  const size_t end = rest().find(kPasteEnd);
  if (end == std::string_view::npos) {
    // What can't be the beginning of the end mark is moved away, so that a large paste is looked at once.
    const size_t keep = std::min(kPasteEnd.size() - 1, rest().size());
    pasted_ += rest().substr(0, rest().size() - keep);
    consume(rest().size() - keep);
    // A terminal that was interrupted in a paste does not send its end.
    if (!no_more) return std::nullopt;
    pasted_ += rest();
    consume(rest().size());
  } else {
    pasted_ += rest().substr(0, end);
    consume(end + kPasteEnd.size());
  }
  pasting_ = false;
  return KeyPress{Key::paste, cleaned_paste(std::exchange(pasted_, {}))};
}

std::optional<KeyPress> KeyReader::next_escape(bool no_more) {
  if (rest().size() == 1) {
    if (!no_more) return std::nullopt;
    consume(1);
    return KeyPress{Key::escape};
  }
  const char second = rest()[1];
  if (second == kEscape) {  // two escapes: the first was alone
    consume(1);
    return KeyPress{Key::escape};
  }
  if (second != '[' && second != 'O') {
    consume(2);
    return KeyPress{alt_key(second)};
  }
  // Parameters and intermediates, then a final byte from @ to ~ (ECMA-48, 5.4).
  for (size_t i = 2; i < rest().size(); ++i) {
    const char c = rest()[i];
    if (c >= '@' && c <= '~') return sequence(i);
    if (c < ' ' || i >= kMaxSequence) {
      consume(i);
      return KeyPress{Key::ignored};
    }
  }
  if (!no_more) return std::nullopt;
  const bool bare = rest().size() == 2;
  consume(rest().size());
  return KeyPress{bare ? alt_key(second) : Key::ignored};
}

std::optional<KeyPress> KeyReader::sequence(size_t final_at) {
  const std::string all(rest().substr(0, final_at + 1));
  consume(all.size());
  if (all == kPasteBegin) {
    pasting_ = true;
    return next(false);
  }
  const std::string_view parameters = std::string_view(all).substr(2, final_at - 2);
  const auto numbers = numbers_of(parameters);
  const char final = all[final_at];
  // Modifiers are 1 + shift 1, alt 2, ctrl 4. Shift alone changes nothing here but Enter.
  const auto modified = [&](int modifiers) { return modifiers > 2; };
  if (final == 'R' && parameters.find(';') != std::string_view::npos) {
    return KeyPress{Key::cursor_report, std::string(parameters)};
  }
  if (final == 'u') return KeyPress{unicode_key(numbers[0], numbers[1] > 1)};
  if (final == '~' && numbers[0] == 27) return KeyPress{unicode_key(numbers[2], numbers[1] > 1)};
  if (final == '~') return KeyPress{number_key(numbers[0], modified(numbers[1]))};
  if (all == "\x1bOM") return KeyPress{Key::enter};  // the keypad's; CSI ... M is a mouse's
  return KeyPress{letter_key(final, modified(numbers[1]))};
}

std::optional<KeyPress> KeyReader::next_text(bool no_more) {
  size_t n = 0;
  while (n < rest().size()) {
    const auto byte = static_cast<unsigned char>(rest()[n]);
    if (byte < 0x20 || byte == 0x7f) break;
    ++n;
  }
  // A character that was cut by the end of a read waits for its other bytes.
  if (n == rest().size() && !no_more) n -= text::incomplete_suffix_size(rest());
  if (n == 0) return std::nullopt;
  KeyPress press{Key::text, cleaned_paste(rest().substr(0, n))};
  consume(n);
  return press;
}

}  // namespace quipu::chat
