// Qwen2: as Llama 3, but \p{N} in place of \p{N}{1,3}.
#include "tokenizer/pre/cl100k.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

size_t next_qwen2_word(std::string_view text, size_t begin) {
  return next_cl100k_word(text, begin, {.max_numbers = 1});
}

}  // namespace quipu::tokenizer
