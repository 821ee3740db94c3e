// Text of a model, made harmless for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace quipu::chat {

// Control characters but line ends and tabs are shown as pictures (U+2400 and up: ESC is one visible sign), those of
// ISO 8859 and the ones that reorder text (bidirectional overrides and isolates) as U+FFFD; "\r\n" becomes "\n".
// What was a control sequence is then plain text. Text comes in pieces of whole UTF-8 characters.
class SafeText {
 public:
  explicit SafeText(bool ascii = false) : ascii_(ascii) {}
  std::string push(std::string_view text);
  // What was held back: a '\r' that could have been followed by '\n'.
  std::string finish();

 private:
  [[nodiscard]] std::string picture(unsigned char control) const;
  bool ascii_;
  bool carriage_return_ = false;
};

// For a text that is complete.
std::string safe_text(std::string_view text, bool ascii = false);

}  // namespace quipu::chat
