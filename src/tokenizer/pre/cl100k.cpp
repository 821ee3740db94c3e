// Variants of cl100k's expression that differ in little: what each changes stands in its call.
#include "tokenizer/pre/cl100k.h"

#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

// Qwen3.5: marks belong to words.
size_t next_qwen35_word(std::string_view text, size_t begin) {
  return next_cl100k_word(text, begin, {.max_numbers = 1, .word = kLetter | kMark});
}

// MiniCPM5: \p{N}+ (numbers come from the step before in threes)
size_t next_minicpm5_word(std::string_view text, size_t begin) {
  return next_cl100k_word(text, begin, {.max_numbers = 3});
}

// Seed-Coder: line breaks do not go with the punctuation before them.
size_t next_seed_coder_word(std::string_view text, size_t begin) {
  return next_cl100k_word(text, begin, {.max_numbers = 1, .line_breaks_after_punctuation = false});
}

// Ufakzeka: no contractions, since Turkish puts suffixes behind an apostrophe.
size_t next_ufakzeka_word(std::string_view text, size_t begin) {
  return next_cl100k_word(text, begin, {.max_numbers = 1, .contractions = false});
}

}  // namespace quipu::tokenizer
