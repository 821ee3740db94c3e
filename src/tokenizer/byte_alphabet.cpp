#include "tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace quipu::tokenizer {

namespace {

constexpr uint32_t kFirstSubstitute = 0x100;

constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

// From the alphabet's code points, all below 0x144, to bytes; -1 where there is none.
constexpr auto kByteOf = [] {
  std::array<int16_t, 0x144> table{};
  for (auto& entry : table) entry = -1;
  uint32_t n_substitutes = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    table[stands_for_itself(byte) ? byte : kFirstSubstitute + n_substitutes++] = static_cast<int16_t>(byte);
  }
  return table;
}();

}  // namespace

std::optional<size_t> decode_byte_alphabet(std::string_view text, char* out) {
  size_t n = 0;
  for (size_t i = 0; i < text.size();) {
    uint32_t code_point = static_cast<unsigned char>(text[i++]);
    if (code_point >= 0x80) {  // two bytes: U+0080 to U+07FF covers the alphabet
      if (code_point < 0xC2 || code_point > 0xDF || i == text.size()) return std::nullopt;
      const auto trailing = static_cast<unsigned char>(text[i++]);
      if ((trailing & 0xC0) != 0x80) return std::nullopt;
      code_point = (code_point & 0x1F) << 6 | (trailing & 0x3F);
    }
    if (code_point >= kByteOf.size() || kByteOf[code_point] < 0) return std::nullopt;
    out[n++] = static_cast<char>(kByteOf[code_point]);
  }
  return n;
}

}  // namespace quipu::tokenizer
