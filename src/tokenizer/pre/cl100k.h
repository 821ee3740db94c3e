// The pattern that OpenAI's cl100k vocabulary brought, of which many models use a variant:
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?W+|\p{N}{1,n}| ?[^\s W \p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
#pragma once

#include "tokenizer/pre/patterns.h"

namespace quipu::tokenizer {

struct Cl100kVariant {
  int max_numbers = 3;       // n
  Classes word = kLetter;    // W
  bool contractions = true;  // whether the first part is there
  bool line_breaks_after_punctuation = true;
};

inline size_t next_cl100k_word(std::string_view text, size_t begin, const Cl100kVariant& variant) {
  if (variant.contractions) {
    if (const size_t end = any_case_contraction_end(text, begin); end > begin) return end;
  }
  const Char first = char_at(text, begin);
  if (first.is(variant.word)) return run_end(text, begin, variant.word);
  const size_t second = begin + first.size;
  if (!first.is(kLineBreak | kLetter | kNumber) && second < text.size() && char_at(text, second).is(variant.word)) {
    return run_end(text, second, variant.word);
  }
  if (first.is(kNumber)) return numbers_end(text, begin, variant.max_numbers);
  const Classes none_of = kSpace | variant.word | kNumber;
  const size_t start = first.code_point == ' ' ? second : begin;
  if (const size_t end = run_end_without(text, start, none_of); end > start) {
    if (!variant.line_breaks_after_punctuation) return end;
    return run_end(text, end, kLineBreak);
  }
  return lines_or_white_space_end(text, begin);
}

}  // namespace quipu::tokenizer
