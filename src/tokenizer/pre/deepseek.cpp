// DeepSeek's steps, of which some cut out ranges of characters, and others of that kind.
#include <algorithm>
#include <span>

#include "tokenizer/pre/patterns.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

namespace {

struct CharRange {
  char32_t first, last;
};

bool is_in(char32_t c, std::span<const CharRange> ranges) {
  const auto it = std::lower_bound(ranges.begin(), ranges.end(), c,
                                   [](const CharRange& range, char32_t value) { return range.last < value; });
  return it != ranges.end() && it->first <= c;
}

constexpr CharRange kHanAndKana[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};   // [一-龥぀-ゟ゠-ヿ]
constexpr CharRange kHanAndHangul[] = {{0x800, 0x9FA5}, {0xAC00, 0xD7FF}};  // [一-龥ࠀ-一가-퟿]
constexpr CharRange kHangul[] = {{0x3131, 0x318E}, {0xAC00, 0xD7A3}};
constexpr CharRange kBopomofo[] = {{0x3105, 0x312F}};
constexpr CharRange kCjkPunctuation[] = {{0x2014, 0x2014}, {0x2018, 0x2019}, {0x201C, 0x201D},
                                         {0x2026, 0x2026}, {0x3001, 0x303F}, {0xFE30, 0xFE4F},
                                         {0xFF01, 0xFF01}, {0xFF0C, 0xFF0C}, {0xFF1A, 0xFF1B}};
constexpr CharRange kLlmPunctuation[] = {{'!', '/'},       {':', '~'},       {0x2018, 0x201F},
                                         {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
// [A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿ...]: letters with case, as Unicode 13 had them
constexpr CharRange kCasedLetters[] = {
    {0x41, 0x5A},       {0x61, 0x7A},       {0xB5, 0xB5},       {0xC0, 0xD6},       {0xD8, 0xF6},
    {0xF8, 0x1BA},      {0x1BC, 0x1BF},     {0x1C4, 0x293},     {0x295, 0x2AF},     {0x370, 0x373},
    {0x376, 0x377},     {0x37B, 0x37D},     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},
    {0x38C, 0x38C},     {0x38E, 0x3A1},     {0x3A3, 0x3F5},     {0x3F7, 0x481},     {0x48A, 0x52F},
    {0x531, 0x556},     {0x10A0, 0x10C5},   {0x13A0, 0x13F5},   {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},
    {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},   {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},   {0x1FB6, 0x1FBC},
    {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},
    {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},   {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},
    {0x210A, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},
    {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},   {0x213C, 0x213F},
    {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},
    {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF3},   {0xA640, 0xA66D},   {0xA680, 0xA69B},   {0xA722, 0xA76F},
    {0xA771, 0xA787},   {0xA78B, 0xA78E},   {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},
    {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},   {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB},
    {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943}};

// Cuts out \s?X+ , where `is_x(const Char&)` tells X, or X+ without `leading_space`.
template <typename IsX>
size_t next_run(std::string_view text, size_t begin, bool leading_space, const IsX& is_x) {
  const auto match_end = [&](size_t position) {
    Char c = char_at(text, position);
    if (leading_space && c.is(kSpace) && !is_x(c)) {
      position += c.size;
      if (position == text.size()) return size_t{0};
      c = char_at(text, position);
    }
    if (!is_x(c)) return size_t{0};
    while (position < text.size() && is_x(c)) {
      position += c.size;
      if (position < text.size()) c = char_at(text, position);
    }
    return position;
  };
  if (const size_t end = match_end(begin); end > 0) return end;
  // A gap: up to the next character of X, or the space before it.
  size_t end = begin, after_space = begin;
  bool space_before = false;
  while (end < text.size()) {
    const Char c = char_at(text, end);
    if (is_x(c)) return space_before ? after_space : end;
    space_before = leading_space && c.is(kSpace);
    if (space_before) after_space = end;
    end += c.size;
  }
  return end;
}

bool is_ascii_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

// The end of the match of DeepSeek-V3's expression at `begin`, or `begin`.
size_t v3_match_end(std::string_view text, size_t begin) {
  constexpr Classes kWord = kLetter | kMark, kSign = kPunctuation | kSymbol;
  const Char first = char_at(text, begin);
  const size_t second = begin + first.size;
  if (is_ascii_punctuation(text[begin]) && second < text.size() && is_ascii_letter(text[second])) {
    size_t end = second;
    while (end < text.size() && is_ascii_letter(text[end])) ++end;
    return end;
  }
  if (first.is(kWord)) return run_end(text, begin, kWord);
  if (!first.is(kLineBreak | kSign) && second < text.size() && char_at(text, second).is(kWord)) {
    return run_end(text, second, kWord);
  }
  const size_t start = first.code_point == ' ' ? second : begin;
  if (const size_t end = run_end(text, start, kSign); end > start) return run_end(text, end, kLineBreak);
  return lines_or_white_space_end(text, begin);
}

}  // namespace

// [\r\n]
size_t next_line_break(std::string_view text, size_t begin) {
  const size_t found = text.find_first_of("\r\n", begin);
  return found == begin ? begin + 1 : std::min(found, text.size());
}

// DeepSeek-V3: [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//              | ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t next_deepseek3_word(std::string_view text, size_t begin) {
  if (const size_t end = v3_match_end(text, begin); end > begin) return end;
  size_t end = begin;
  do {
    end += char_at(text, end).size;
  } while (end < text.size() && v3_match_end(text, end) == end);
  return end;
}

// [一-龥぀-ゟ゠-ヿ]+
size_t next_han_or_kana(std::string_view text, size_t begin) {
  return next_run(text, begin, false, [](const Char& c) { return is_in(c.code_point, kHanAndKana); });
}

// [一-龥ࠀ-一가-퟿]+
size_t next_han_or_hangul(std::string_view text, size_t begin) {
  return next_run(text, begin, false, [](const Char& c) { return is_in(c.code_point, kHanAndHangul); });
}

// Youtu: [가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+
size_t next_youtu_script(std::string_view text, size_t begin) {
  const auto script = [](const Char& c) {
    for (const auto& ranges : {std::span<const CharRange>(kHangul), std::span<const CharRange>(kCjkPunctuation),
                               std::span<const CharRange>(kBopomofo), std::span<const CharRange>(kHanAndKana)}) {
      if (is_in(c.code_point, ranges)) return ranges.data();
    }
    return static_cast<const CharRange*>(nullptr);
  };
  const CharRange* const first = script(char_at(text, begin));
  size_t end = begin;
  while (end < text.size() && script(char_at(text, end)) == first) end += char_at(text, end).size;
  return end;
}

// DeepSeek LLM: \s?[A-Za-zµÀ-Ö...]+
size_t next_cased_letters(std::string_view text, size_t begin) {
  return next_run(text, begin, true, [](const Char& c) { return is_in(c.code_point, kCasedLetters); });
}

// DeepSeek LLM: \s?[!-/:-~！-／：-～‘-‟　-。]+
size_t next_llm_punctuation(std::string_view text, size_t begin) {
  return next_run(text, begin, true, [](const Char& c) { return is_in(c.code_point, kLlmPunctuation); });
}

// DeepSeek LLM: \s+$
size_t next_trailing_space(std::string_view text, size_t begin) {
  size_t space = text.size();
  for (size_t i = begin; i < text.size();) {
    const Char c = char_at(text, i);
    if (!c.is(kSpace)) {
      space = text.size();
    } else if (space == text.size()) {
      space = i;
    }
    i += c.size;
  }
  return space > begin ? space : text.size();
}

// DeepSeek Coder: \s?\p{L}+
size_t next_letters(std::string_view text, size_t begin) {
  return next_run(text, begin, true, [](const Char& c) { return c.is(kLetter); });
}

// DeepSeek Coder: \s?\p{P}+
size_t next_punctuation(std::string_view text, size_t begin) {
  return next_run(text, begin, true, [](const Char& c) { return c.is(kPunctuation); });
}

}  // namespace quipu::tokenizer
