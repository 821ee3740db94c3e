#include "tokenizer/pre/patterns.h"

namespace quipu::tokenizer {

namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

size_t contraction_size(char first, char second) {
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const bool pair =
      (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return pair ? 3 : 0;
}

}  // namespace

size_t contraction_end(std::string_view text, size_t begin) {
  if (text[begin] != '\'' || begin + 1 >= text.size()) return begin;
  return begin + contraction_size(text[begin + 1], begin + 2 < text.size() ? text[begin + 2] : '\0');
}

size_t any_case_contraction_end(std::string_view text, size_t begin) {
  constexpr std::string_view kLongS = "\xC5\xBF";  // U+017F, whose upper case is S
  if (text[begin] != '\'' || begin + 1 >= text.size()) return begin;
  if (text.compare(begin + 1, kLongS.size(), kLongS) == 0) return begin + 1 + kLongS.size();
  return begin + contraction_size(lower(text[begin + 1]), begin + 2 < text.size() ? lower(text[begin + 2]) : '\0');
}

size_t white_space_end(std::string_view text, size_t begin, size_t run) {
  if (run == text.size()) return run;
  size_t last = run - 1;
  while (last > begin && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
  return last > begin ? last : run;
}

size_t lines_or_white_space_end(std::string_view text, size_t begin) {
  size_t run = begin, after_line_break = begin;
  while (run < text.size()) {
    const Char c = char_at(text, run);
    if (!c.is(kSpace)) break;
    run += c.size;
    if (c.is(kLineBreak)) after_line_break = run;
  }
  if (after_line_break > begin || run == begin) return after_line_break;
  return white_space_end(text, begin, run);
}

}  // namespace quipu::tokenizer
