// Steps that cut out numbers: \p{N} (as Hugging Face's Digits), \p{N}+, \p{N}{1,3}, [0-9][0-9][0-9].
#include "tokenizer/pre/patterns.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

namespace {

bool three_digits_at(std::string_view text, size_t position) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return position + 3 <= text.size() && is_digit(text[position]) && is_digit(text[position + 1]) &&
         is_digit(text[position + 2]);
}

}  // namespace

size_t next_number(std::string_view text, size_t begin) {
  const Char first = char_at(text, begin);
  return first.is(kNumber) ? begin + first.size : run_end_without(text, begin, kNumber);
}

size_t next_numbers(std::string_view text, size_t begin) {
  return char_at(text, begin).is(kNumber) ? run_end(text, begin, kNumber) : run_end_without(text, begin, kNumber);
}

size_t next_up_to_three_numbers(std::string_view text, size_t begin) {
  return char_at(text, begin).is(kNumber) ? numbers_end(text, begin, 3) : run_end_without(text, begin, kNumber);
}

size_t next_three_digits(std::string_view text, size_t begin) {
  if (three_digits_at(text, begin)) return begin + 3;
  size_t end = begin + 1;
  while (end < text.size() && !three_digits_at(text, end)) ++end;
  return end;
}

}  // namespace quipu::tokenizer
