// BLOOM, Poro, Viking:  ?[^(\s|[.,!?…。，、।۔،])]+
#include "tokenizer/pre/char_class.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

namespace {

bool is_in_word(const Char& c) {
  constexpr std::u32string_view kOutside = U"(|.,!?…。，、।۔،)";
  return !c.is(kSpace) && kOutside.find(c.code_point) == std::u32string_view::npos;
}

}  // namespace

size_t next_bloom_word(std::string_view text, size_t begin) {
  const auto starts_at = [&](size_t position) { return position < text.size() && is_in_word(char_at(text, position)); };
  size_t end = begin;
  if (text[begin] == ' ' && starts_at(begin + 1)) ++end;
  if (starts_at(end)) {
    while (starts_at(end)) end += char_at(text, end).size;
    return end;
  }
  // Between two matches: up to a word, or the space before one.
  do {
    end += char_at(text, end).size;
  } while (end < text.size() && !starts_at(end) && !(text[end] == ' ' && starts_at(end + 1)));
  return end;
}

}  // namespace quipu::tokenizer
