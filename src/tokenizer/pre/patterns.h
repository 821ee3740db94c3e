// Parts that the regular expressions of several pre-tokenisers have in common. A function returns where its part ends,
// or its `begin` if there is no such part.
#pragma once

#include "tokenizer/pre/char_class.h"

namespace quipu::tokenizer {

// 's|'t|'re|'ve|'m|'ll|'d
size_t contraction_end(std::string_view text, size_t begin);
// (?i:'s|'t|'re|'ve|'m|'ll|'d), where U+017F is an s too
size_t any_case_contraction_end(std::string_view text, size_t begin);

// \s+(?!\S)|\s+ : white space but for its last character, which goes with the word after it; `run` is where it ends.
size_t white_space_end(std::string_view text, size_t begin, size_t run);

// \s*[\r\n]+|\s+(?!\S)|\s+
size_t lines_or_white_space_end(std::string_view text, size_t begin);

// \p{N}{1,n}
inline size_t numbers_end(std::string_view text, size_t begin, int n) {
  for (; n > 0 && begin < text.size(); --n) {
    const Char c = char_at(text, begin);
    if (!c.is(kNumber)) break;
    begin += c.size;
  }
  return begin;
}

}  // namespace quipu::tokenizer
