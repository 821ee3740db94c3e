// Pre-tokenisers: cut a text into words, which byte-level BPE then encodes each on its own. docs/formats/tokenizer.md
// says how to add one.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu::tokenizer {

// The end of the word that begins at `begin` < text.size(): more than `begin`, at most text.size(). Nothing before
// `begin` or beyond the text plays a part. Over a whole text the calls take linear time.
using NextWord = size_t (*)(std::string_view text, size_t begin);

// What `tokenizer.ggml.pre` names. Each step cuts the words of the step before.
struct PreTokenizer {
  std::array<NextWord, 6> steps{};  // from the first on, up to a null
  bool ignore_merges = false;       // a word that is a token becomes it whatever the merges say
  bool add_bos = false;             // unless the file says otherwise
};

// Error: an unknown name, with the list of those that are known. "" is "default".
Result<PreTokenizer> find_pre_tokenizer(std::string_view name);

// The known names, one for each different behaviour.
std::vector<std::string_view> pre_tokenizer_names();

// Calls `word(std::string_view)` for each word in order.
template <typename Word>
void for_each_word(const PreTokenizer& pre, std::string_view text, const Word& word, size_t step = 0) {
  if (step == pre.steps.size() || pre.steps[step] == nullptr) {
    word(text);
    return;
  }
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = pre.steps[step](text, begin);
    for_each_word(pre, text.substr(begin, end - begin), word, step + 1);
    begin = end;
  }
}

// The steps. A step that is a regular expression cuts a text into its matches and what lies between them; each file
// says which expression that is.
size_t next_bloom_word(std::string_view text, size_t begin);
size_t next_cased_letters(std::string_view text, size_t begin);
size_t next_deepseek3_word(std::string_view text, size_t begin);
size_t next_default_punctuation(std::string_view text, size_t begin);
size_t next_falcon_punctuation(std::string_view text, size_t begin);
size_t next_gpt2_word(std::string_view text, size_t begin);
size_t next_gpt4o_word(std::string_view text, size_t begin);
size_t next_han_or_hangul(std::string_view text, size_t begin);
size_t next_han_or_kana(std::string_view text, size_t begin);
size_t next_kimi_word(std::string_view text, size_t begin);
size_t next_letters(std::string_view text, size_t begin);
size_t next_line_break(std::string_view text, size_t begin);
size_t next_llama3_word(std::string_view text, size_t begin);
size_t next_llm_punctuation(std::string_view text, size_t begin);
size_t next_minicpm5_word(std::string_view text, size_t begin);
size_t next_number(std::string_view text, size_t begin);
size_t next_numbers(std::string_view text, size_t begin);
size_t next_punctuation(std::string_view text, size_t begin);
size_t next_qwen2_word(std::string_view text, size_t begin);
size_t next_qwen35_word(std::string_view text, size_t begin);
size_t next_seed_coder_word(std::string_view text, size_t begin);
size_t next_tekken_word(std::string_view text, size_t begin);
size_t next_three_digits(std::string_view text, size_t begin);
size_t next_trailing_space(std::string_view text, size_t begin);
size_t next_ufakzeka_word(std::string_view text, size_t begin);
size_t next_up_to_three_numbers(std::string_view text, size_t begin);
size_t next_youtu_script(std::string_view text, size_t begin);
size_t next_youtu_word(std::string_view text, size_t begin);

}  // namespace quipu::tokenizer
