// Characters as the regular expressions of pre-tokenisers see them: a set bit for each class that a character is in.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "text/unicode.h"
#include "text/utf8.h"

namespace quipu::tokenizer {

using Classes = uint32_t;
inline constexpr Classes kUpper = 1u << 0;                          // \p{Lu}, \p{Lt}
inline constexpr Classes kLower = 1u << 1;                          // \p{Ll}
inline constexpr Classes kOtherLetter = 1u << 2;                    // \p{Lm}, \p{Lo}
inline constexpr Classes kMark = 1u << 3;                           // \p{M}
inline constexpr Classes kNumber = 1u << 4;                         // \p{N}
inline constexpr Classes kPunctuation = 1u << 5;                    // \p{P}
inline constexpr Classes kSymbol = 1u << 6;                         // \p{S}
inline constexpr Classes kSpace = 1u << 7;                          // \s
inline constexpr Classes kLineBreak = 1u << 8;                      // \r, \n
inline constexpr Classes kOther = 1u << 9;                          // none of these
inline constexpr Classes kLetter = kUpper | kLower | kOtherLetter;  // \p{L}

struct Char {
  Classes classes;
  uint32_t size;
  char32_t code_point;  // U+FFFD, a symbol, for an ill-formed sequence

  [[nodiscard]] bool is(Classes any_of) const { return (classes & any_of) != 0; }
};

namespace detail {

constexpr Classes classes_of(text::Category category, bool white_space) {
  using text::Category;
  Classes classes = white_space ? kSpace : 0;
  if (category == Category::Lu || category == Category::Lt) classes |= kUpper;
  if (category == Category::Ll) classes |= kLower;
  if (category == Category::Lm || category == Category::Lo) classes |= kOtherLetter;
  if (category >= Category::Mn && category <= Category::Me) classes |= kMark;
  if (category >= Category::Nd && category <= Category::No) classes |= kNumber;
  if (category >= Category::Pc && category <= Category::Po) classes |= kPunctuation;
  if (category >= Category::Sm && category <= Category::So) classes |= kSymbol;
  return classes == 0 ? kOther : classes;
}

inline constexpr std::array<Classes, 64> kClassesOf = [] {
  std::array<Classes, 64> table{};
  for (uint32_t i = 0; i < 64; ++i) table[i] = classes_of(static_cast<text::Category>(i & 31), i >= 32);
  return table;
}();

inline constexpr std::array<Classes, 128> kAscii = [] {
  std::array<Classes, 128> table{};
  for (uint32_t c = 0; c < 128; ++c) {
    const std::string_view symbols = "$+<=>^`|~";
    const char ch = static_cast<char>(c);
    if (c >= 'A' && c <= 'Z') {
      table[c] = kUpper;
    } else if (c >= 'a' && c <= 'z') {
      table[c] = kLower;
    } else if (c >= '0' && c <= '9') {
      table[c] = kNumber;
    } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
      table[c] = kSpace | (c == '\r' || c == '\n' ? kLineBreak : 0);
    } else if (c < ' ' || c == 127) {
      table[c] = kOther;
    } else {
      table[c] = symbols.find(ch) != std::string_view::npos ? kSymbol : kPunctuation;
    }
  }
  return table;
}();

}  // namespace detail

inline Char char_at(std::string_view text, size_t position) {
  const auto byte = static_cast<unsigned char>(text[position]);
  if (byte < 0x80) return {detail::kAscii[byte], 1, byte};
  const text::Decoded decoded = text::decode_at(text, position);
  const text::Properties properties(decoded.code_point);
  const size_t entry = static_cast<size_t>(properties.category()) | (properties.is_white_space() ? 32 : 0);
  return {detail::kClassesOf[entry], decoded.size, decoded.code_point};
}

// The end of the run of characters of any of these classes that begins at `position`.
inline size_t run_end(std::string_view text, size_t position, Classes any_of) {
  while (position < text.size()) {
    const Char c = char_at(text, position);
    if (!c.is(any_of)) break;
    position += c.size;
  }
  return position;
}

// The end of the run of characters of none of these classes.
inline size_t run_end_without(std::string_view text, size_t position, Classes none_of) {
  while (position < text.size()) {
    const Char c = char_at(text, position);
    if (c.is(none_of)) break;
    position += c.size;
  }
  return position;
}

}  // namespace quipu::tokenizer
