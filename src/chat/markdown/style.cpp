#include "chat/markdown/style.h"

namespace quipu::chat {

std::string style_change(const Style& from, const Style& to) {
  if (from == to) return "";
  std::string codes;
  const auto add = [&](int code) { codes += (codes.empty() ? "" : ";") + std::to_string(code); };
  // Bold off is 22, which some terminals take for double underline under 21; the other "off" codes are safe.
  if (from.bold != to.bold) add(to.bold ? 1 : 22);
  if (from.italic != to.italic) add(to.italic ? 3 : 23);
  if (from.underline != to.underline) add(to.underline ? 4 : 24);
  if (from.strike != to.strike) add(to.strike ? 9 : 29);
  if (from.color != to.color) add(to.color == Color::none ? 39 : static_cast<int>(to.color));
  return "\x1b[" + codes + "m";
}

}  // namespace quipu::chat
