// Properties of characters, of Unicode 16.0 (case mappings: those of Python 3.11's str).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/generated/unicode_tables.h"

namespace quipu::text {

// General_Category, in the order of the generated table.
enum class Category : uint8_t {
  Cn,
  Lu,
  Ll,
  Lt,
  Lm,
  Lo,
  Mn,
  Mc,
  Me,
  Nd,
  Nl,
  No,
  Pc,
  Pd,
  Ps,
  Pe,
  Pi,
  Pf,
  Po,
  Sm,
  Sc,
  Sk,
  So,
  Zs,
  Zl,
  Zp,
  Cc,
  Cf,
  Cs,
  Co,
};

// All properties of one code point; above U+10FFFF those of an unassigned one.
class Properties {
 public:
  explicit Properties(char32_t code_point) : bits_(lookup(code_point)) {}

  [[nodiscard]] Category category() const { return static_cast<Category>(bits_ & 0x1F); }
  [[nodiscard]] bool is_letter() const { return in(Category::Lu, Category::Lo); }       // \p{L}
  [[nodiscard]] bool is_mark() const { return in(Category::Mn, Category::Me); }         // \p{M}
  [[nodiscard]] bool is_number() const { return in(Category::Nd, Category::No); }       // \p{N}
  [[nodiscard]] bool is_punctuation() const { return in(Category::Pc, Category::Po); }  // \p{P}
  [[nodiscard]] bool is_symbol() const { return in(Category::Sm, Category::So); }       // \p{S}
  [[nodiscard]] bool is_separator() const { return in(Category::Zs, Category::Zp); }    // \p{Z}
  [[nodiscard]] bool is_white_space() const { return (bits_ & 0x80) != 0; }             // \s
  [[nodiscard]] int width() const { return bits_ >> 5 & 3; }  // terminal cells of the character alone: 0, 1 or 2

 private:
  [[nodiscard]] bool in(Category first, Category last) const { return category() >= first && category() <= last; }
  static uint8_t lookup(char32_t c) {
    if (c > 0x10FFFF) return static_cast<uint8_t>(Category::Cn) | 1 << 5;
    return tables::kSecondStage[tables::kFirstStage[c >> 8] << 8 | (c & 0xFF)];
  }
  uint8_t bits_;
};

bool is_han(char32_t code_point);           // Script=Han
bool is_pictographic(char32_t code_point);  // Extended_Pictographic: most emoji

// Full case mapping without regard to language, as Python's str.lower() and str.upper(). Ill-formed bytes stay.
std::string to_lower(std::string_view utf8);
std::string to_upper(std::string_view utf8);

}  // namespace quipu::text
