// Shapes of the tables in unicode_tables.cpp, which scripts/make_unicode_tables.py makes.
#pragma once

#include <cstdint>
#include <span>

namespace quipu::text::tables {

// Properties of a code point c: kSecondStage[kFirstStage[c / 256] * 256 + c % 256]. Bits 0-4: general category
// (unicode.h), 5-6: width in terminal cells, 7: White_Space.
extern const uint8_t kFirstStage[4352];
extern const uint8_t kSecondStage[];

struct CodePointRange {
  char32_t first, last;
};
extern const std::span<const CodePointRange> kEmojiWithTextStyle;  // Emoji, not Emoji_Presentation, not ASCII
extern const std::span<const CodePointRange> kPictographic;        // Extended_Pictographic
extern const std::span<const CodePointRange> kHan;                 // Script=Han

// Every `step`-th code point of a range maps to itself + delta.
struct CaseRange {
  char32_t first, last;
  uint8_t step;
  int32_t delta;
};
extern const std::span<const CaseRange> kLower, kUpper;

// One code point that maps to several.
struct CaseSpecial {
  char32_t from;
  const char* to;  // UTF-8
};
extern const std::span<const CaseSpecial> kLowerSpecial, kUpperSpecial;

}  // namespace quipu::text::tables
