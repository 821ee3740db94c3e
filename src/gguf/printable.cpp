#include "gguf/printable.h"

#include <fmt/format.h>

#include <cstdint>

namespace quipu::gguf {
namespace {

// Length of the well-formed UTF-8 character at the front that is no control character; 0 if there is none.
size_t printable_length(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f && first != '\'' && first != '\\' ? 1 : 0;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  uint32_t point = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = (point << 6) | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = point >= 0xd800 && point < 0xe000;
  const bool is_c1_control = point < 0xa0;
  // U+2028 to U+202E and U+2066 to U+2069 break lines or turn the direction of the text around them.
  const bool reorders = (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
  return point < kSmallest[length] || point > 0x10ffff || is_surrogate || is_c1_control || reorders ? 0 : length;
}

}  // namespace

std::string in_quotes(std::string_view bytes, size_t max_chars) {
  std::string text = "'";
  size_t n_chars = 0;
  while (!bytes.empty()) {
    if (n_chars++ >= max_chars) return text + "...'";
    const size_t length = printable_length(bytes);
    if (length == 0) text += fmt::format("\\x{:02x}", static_cast<uint8_t>(bytes[0]));
    text += bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text + "'";
}

}  // namespace quipu::gguf
