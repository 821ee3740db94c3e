#include "engine/chat_prompt.h"

namespace quipu::engine {

std::vector<tokenizer::Token> encode_prompt(const tokenizer::Tokenizer& tokenizer, std::string_view rendered) {
  auto tokens = tokenizer.encode(rendered, {.parse_special = true, .add_special = false});
  const auto first = tokenizer.encode("", {.parse_special = false, .add_special = true});
  if (!first.empty() && tokenizer.bos() == first.front() && (tokens.empty() || tokens.front() != first.front()))
    tokens.insert(tokens.begin(), first.front());
  return tokens;
}

}  // namespace quipu::engine
