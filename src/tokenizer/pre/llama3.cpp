// Llama 3: (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
//          |\s*[\r\n]+|\s+(?!\S)|\s+
#include "tokenizer/pre/cl100k.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

size_t next_llama3_word(std::string_view text, size_t begin) {
  return next_cl100k_word(text, begin, {.max_numbers = 3});
}

}  // namespace quipu::tokenizer
