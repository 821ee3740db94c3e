#include "tokenizer/pre/o200k.h"

#include "tokenizer/pre/patterns.h"
#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

namespace {

constexpr Classes kBoth = kOtherLetter | kMark;  // in U and in L

class Matcher {
 public:
  Matcher(std::string_view text, const O200kVariant& variant) : text_(text), variant_(variant) {}

  [[nodiscard]] bool is_han(size_t position) const {
    return variant_.han_apart && text::is_han(char_at(text_, position).code_point);
  }

  // U*L+ at `begin`: its end, or `begin`. U* takes all that it can and gives back as much as L+ needs: the end is that
  // of the lower-case letters that follow, or else the last place behind a character of both sets.
  [[nodiscard]] size_t upper_then_lower(size_t begin) const {
    size_t end = begin, after_both = begin;
    while (end < text_.size()) {
      const Char c = char_at(text_, end);
      if (!c.is(kUpper | kBoth) || is_han(end)) break;
      end += c.size;
      if (c.is(kBoth)) after_both = end;
    }
    const size_t lower = run(end, kLower | kBoth);
    return lower > end ? lower : after_both;
  }

  // U+L* at `begin`, where U*L+ does not match: there are only capitals.
  [[nodiscard]] size_t capitals(size_t begin) const { return run(begin, kUpper); }

 private:
  [[nodiscard]] size_t run(size_t position, Classes any_of) const {
    while (position < text_.size()) {
      const Char c = char_at(text_, position);
      if (!c.is(any_of) || is_han(position)) break;
      position += c.size;
    }
    return position;
  }

  std::string_view text_;
  const O200kVariant& variant_;
};

size_t with_contraction(std::string_view text, size_t end, const O200kVariant& variant) {
  return variant.contractions && end < text.size() ? any_case_contraction_end(text, end) : end;
}

// The first two alternatives: their end, or `begin`.
size_t letters_end(std::string_view text, size_t begin, const Char& first, const Matcher& matcher) {
  const size_t second = begin + first.size;
  const bool may_lead = !first.is(kLineBreak | kLetter | kNumber) && second < text.size();
  // Each alternative tries first with the leading character, then without.
  if (may_lead) {
    if (const size_t end = matcher.upper_then_lower(second); end > second) return end;
  }
  if (const size_t end = matcher.upper_then_lower(begin); end > begin) return end;
  if (may_lead) {
    if (const size_t end = matcher.capitals(second); end > second) return end;
  }
  return matcher.capitals(begin);
}

}  // namespace

size_t next_o200k_word(std::string_view text, size_t begin, const O200kVariant& variant) {
  const Matcher matcher(text, variant);
  const Char first = char_at(text, begin);
  if (matcher.is_han(begin)) {
    size_t end = begin;
    while (end < text.size() && matcher.is_han(end)) end += char_at(text, end).size;
    return end;
  }
  if (const size_t end = letters_end(text, begin, first, matcher); end > begin) {
    return with_contraction(text, end, variant);
  }
  if (first.is(kNumber)) return numbers_end(text, begin, variant.max_numbers);
  const size_t start = first.code_point == ' ' ? begin + 1 : begin;
  if (size_t end = run_end_without(text, start, kSpace | kLetter | kNumber); end > start) {
    while (end < text.size() && (text[end] == '\r' || text[end] == '\n' || text[end] == '/')) ++end;
    return end;
  }
  return lines_or_white_space_end(text, begin);
}

// GPT-4o, Llama 4
size_t next_gpt4o_word(std::string_view text, size_t begin) {
  return next_o200k_word(text, begin, {.max_numbers = 3});
}

// Mistral's Tekken
size_t next_tekken_word(std::string_view text, size_t begin) {
  return next_o200k_word(text, begin, {.max_numbers = 1, .contractions = false});
}

// Kimi K2
size_t next_kimi_word(std::string_view text, size_t begin) {
  return next_o200k_word(text, begin, {.max_numbers = 3, .han_apart = true});
}

// Youtu
size_t next_youtu_word(std::string_view text, size_t begin) {
  return next_o200k_word(text, begin, {.max_numbers = 1});
}

}  // namespace quipu::tokenizer
