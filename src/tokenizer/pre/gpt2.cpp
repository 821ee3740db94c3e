// GPT-2: '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
#include "tokenizer/pre/patterns.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

size_t next_gpt2_word(std::string_view text, size_t begin) {
  if (const size_t end = contraction_end(text, begin); end > begin) return end;
  size_t start = begin;
  Char first = char_at(text, begin);
  if (first.code_point == ' ' && begin + 1 < text.size()) {
    start = begin + 1;
    first = char_at(text, start);
  }
  if (first.is(kSpace)) return white_space_end(text, begin, run_end(text, begin, kSpace));
  if (first.is(kLetter)) return run_end(text, start, kLetter);
  if (first.is(kNumber)) return run_end(text, start, kNumber);
  return run_end_without(text, start, kSpace | kLetter | kNumber);
}

}  // namespace quipu::tokenizer
