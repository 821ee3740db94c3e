// The pattern that OpenAI's o200k vocabulary brought: words begin where capitals do.
// [^\r\n\p{L}\p{N}]?U*L+C?|[^\r\n\p{L}\p{N}]?U+L*C?|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
// with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L = [\p{Ll}\p{Lm}\p{Lo}\p{M}], C = (?i:'s|'t|'re|'ve|'m|'ll|'d)
#pragma once

#include "tokenizer/pre/char_class.h"

namespace quipu::tokenizer {

struct O200kVariant {
  int max_numbers = 3;       // n
  bool contractions = true;  // whether C is there
  bool han_apart = false;    // Kimi K2: [\p{Han}]+ comes first, and U and L are without Han
};

size_t next_o200k_word(std::string_view text, size_t begin, const O200kVariant& variant);

}  // namespace quipu::tokenizer
