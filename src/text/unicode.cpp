#include "text/unicode.h"

#include <algorithm>

#include "text/utf8.h"

namespace quipu::text {

namespace {

template <typename Range>
const Range* find_range(std::span<const Range> ranges, char32_t c) {
  const auto it = std::lower_bound(ranges.begin(), ranges.end(), c,
                                   [](const Range& range, char32_t value) { return range.last < value; });
  return it != ranges.end() && it->first <= c ? &*it : nullptr;
}

struct CaseTables {
  std::span<const tables::CaseRange> ranges;
  std::span<const tables::CaseSpecial> specials;
};

void append_mapped(std::string& out, char32_t c, const CaseTables& tables) {
  if (const auto* range = find_range(tables.ranges, c); range && (c - range->first) % range->step == 0) {
    append_utf8(out, static_cast<char32_t>(static_cast<int32_t>(c) + range->delta));
    return;
  }
  const auto it = std::lower_bound(tables.specials.begin(), tables.specials.end(), c,
                                   [](const tables::CaseSpecial& item, char32_t value) { return item.from < value; });
  if (it != tables.specials.end() && it->from == c) {
    out += it->to;
  } else {
    append_utf8(out, c);
  }
}

// The sets that SpecialCasing.txt's Final_Sigma condition names (Unicode 3.13, table 3-17), approximated by category
// as CPython does it: Cased letters, and what is skipped between them (marks, format characters, some punctuation).
bool is_cased(char32_t c) {
  // Other_Lowercase and Other_Uppercase without a mapping that are neither letters with case nor ignorable
  constexpr tables::CodePointRange kUnmapped[] = {
      {0xAA, 0xAA}, {0xBA, 0xBA}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
  const Category category = Properties(c).category();
  return category == Category::Lu || category == Category::Ll || category == Category::Lt ||
         find_range(tables::kLower, c) || find_range(tables::kUpper, c) ||
         find_range<tables::CodePointRange>(kUnmapped, c);
}

bool is_case_ignorable(char32_t c) {
  const Category category = Properties(c).category();
  if (category == Category::Mn || category == Category::Me || category == Category::Cf || category == Category::Lm ||
      category == Category::Sk) {
    return true;
  }
  // Word_Break = MidLetter, MidNumLet or Single_Quote
  constexpr std::u32string_view kMidWord =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55"
      U"\uFF07\uFF0E\uFF1A";
  return kMidWord.find(c) != std::u32string_view::npos;
}

// Whether the first character that is not ignorable, from `position` on, is cased.
bool cased_follows(std::string_view text, size_t position) {
  while (position < text.size()) {
    const Decoded next = decode_at(text, position);
    if (!next.valid) return false;
    if (!is_case_ignorable(next.code_point)) return is_cased(next.code_point);
    position += next.size;
  }
  return false;
}

}  // namespace

bool is_han(char32_t code_point) {
  return find_range(tables::kHan, code_point) != nullptr;
}

bool is_pictographic(char32_t code_point) {
  return find_range(tables::kPictographic, code_point) != nullptr;
}

std::string to_lower(std::string_view utf8) {
  constexpr char32_t kCapitalSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;
  std::string out;
  out.reserve(utf8.size());
  bool after_cased = false;  // the last character that is not ignorable is cased
  for (size_t i = 0; i < utf8.size();) {
    const Decoded character = decode_at(utf8, i);
    const std::string_view bytes = utf8.substr(i, character.size);
    i += character.size;
    const char32_t c = character.code_point;
    if (!character.valid) {
      out += bytes;
      after_cased = false;
      continue;
    }
    if (c == kCapitalSigma) {
      append_utf8(out, after_cased && !cased_follows(utf8, i) ? kFinalSigma : kSmallSigma);
    } else if (c < 0x80) {
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else {
      append_mapped(out, c, {tables::kLower, tables::kLowerSpecial});
    }
    if (!is_case_ignorable(c)) after_cased = is_cased(c);
  }
  return out;
}

std::string to_upper(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size();) {
    const Decoded character = decode_at(utf8, i);
    const char32_t c = character.code_point;
    if (!character.valid) {
      out += utf8.substr(i, character.size);
    } else if (c < 0x80) {
      out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    } else {
      append_mapped(out, c, {tables::kUpper, tables::kUpperSpecial});
    }
    i += character.size;
  }
  return out;
}

}  // namespace quipu::text
