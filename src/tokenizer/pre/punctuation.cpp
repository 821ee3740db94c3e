// What llama.cpp does for files without tokenizer.ggml.pre: [\p{P}\$\+<=>\^~\|]+, then GPT-2's, then \p{N}+, then
// [0-9][0-9][0-9].
#include "tokenizer/pre/char_class.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

namespace {

bool is_cut_out(const Char& c, std::u32string_view symbols) {
  return c.is(kPunctuation) || (c.is(kSymbol) && symbols.find(c.code_point) != std::u32string_view::npos);
}

size_t next_cut(std::string_view text, size_t begin, std::u32string_view symbols) {
  const bool cut_out = is_cut_out(char_at(text, begin), symbols);
  size_t end = begin;
  while (end < text.size()) {
    const Char c = char_at(text, end);
    if (is_cut_out(c, symbols) != cut_out) break;
    end += c.size;
  }
  return end;
}

}  // namespace

size_t next_default_punctuation(std::string_view text, size_t begin) {
  return next_cut(text, begin, U"$+<=>^~|");
}

// Falcon: [\p{P}\$\+<=>\^~\|`]+
size_t next_falcon_punctuation(std::string_view text, size_t begin) {
  return next_cut(text, begin, U"$+<=>^~|`");
}

}  // namespace quipu::tokenizer
