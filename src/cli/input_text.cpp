#include "cli/input_text.h"

#include <charconv>

#include "cli/streams.h"
#include "platform/platform.h"

namespace quipu::cli {

Result<std::string> input_text(const Invocation& invocation) {
  const Options& options = invocation.options;
  if (options.has_prompt && options.prompt_file.empty()) return options.prompt;
  const std::string path = options.prompt_file.empty() ? "-" : options.prompt_file;
  QUIPU_TRY(std::string text, platform::read_file(path, kMaxTextBytes));
  return options.has_prompt ? options.prompt + text : text;
}

Result<std::vector<tokenizer::Token>> parse_token_ids(std::string_view list, int32_t n_vocab) {
  constexpr std::string_view kSeparators = " \t\r\n,";
  const auto trim = [&] {
    const size_t begin = list.find_first_not_of(kSeparators), end = list.find_last_not_of(kSeparators);
    list = begin == list.npos ? std::string_view() : list.substr(begin, end - begin + 1);
  };
  trim();
  if (list.starts_with('[')) {
    if (!list.ends_with(']')) return invalid_input("the list of token ids has no ] at its end");
    list = list.substr(1, list.size() - 2);
    trim();
  }
  std::vector<tokenizer::Token> tokens;
  while (!list.empty()) {
    tokenizer::Token token = 0;
    const auto [end, code] = std::from_chars(list.data(), list.data() + list.size(), token);
    const auto length = static_cast<size_t>(end - list.data());
    const bool whole = length == list.size() || kSeparators.find(list[length]) != kSeparators.npos;
    if (code != std::errc() || !whole) {
      const std::string_view word = list.substr(0, std::min<size_t>(list.find_first_of(kSeparators), 40));
      return invalid_input("entry {} of the token ids, '{}', is not a whole number", tokens.size(), word);
    }
    if (token < 0 || token >= n_vocab) {
      return invalid_input("entry {} of the token ids is {}, but must be from 0 to {}", tokens.size(), token,
                           n_vocab - 1);
    }
    tokens.push_back(token);
    list.remove_prefix(std::min(list.find_first_not_of(kSeparators, length), list.size()));
  }
  return tokens;
}

}  // namespace quipu::cli
