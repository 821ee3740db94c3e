#include "chat/safe_text.h"

#include <utility>

#include "text/utf8.h"

namespace quipu::chat {
namespace {

bool is_bidi_control(char32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string SafeText::picture(unsigned char control) const {
  if (ascii_) return control == 0x7f ? "^?" : std::string("^") + static_cast<char>(control + '@');
  std::string sign;
  text::append_utf8(sign, control == 0x7f ? 0x2421 : 0x2400 + control);
  return sign;
}

std::string SafeText::push(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (std::exchange(carriage_return_, false) && byte != '\n') out += picture('\r');
    if (byte < 0x80) {
      ++at;
      if (byte == '\r') {
        carriage_return_ = true;
      } else if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7f)) {
        out += static_cast<char>(byte);
      } else {
        out += picture(byte);
      }
      continue;
    }
    const auto decoded = text::decode_at(text, at);
    const bool harmless = decoded.valid && decoded.code_point >= 0xA0 && !is_bidi_control(decoded.code_point);
    if (harmless) {
      out += text.substr(at, decoded.size);
    } else {
      out += ascii_ ? "?" : "\xEF\xBF\xBD";
    }
    at += decoded.size;
  }
  return out;
}

std::string SafeText::finish() {
  return std::exchange(carriage_return_, false) ? picture('\r') : std::string();
}

std::string safe_text(std::string_view text, bool ascii) {
  SafeText safe(ascii);
  std::string out = safe.push(text);
  return out + safe.finish();
}

}  // namespace quipu::chat
