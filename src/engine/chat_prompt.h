// From the text that a chat template renders to tokens.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace quipu::engine {

// Control tokens in the text count. Some models' templates leave the first token to the tokenizer, which adds it then.
std::vector<tokenizer::Token> encode_prompt(const tokenizer::Tokenizer& tokenizer, std::string_view rendered);

}  // namespace quipu::engine
