// What subcommands read: a text or token ids, from -p, -f or standard input.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/subcommands.h"
#include "tokenizer/tokenizer.h"

namespace quipu::cli {

// -p's text, else -f's file, else standard input. Bytes as they are.
Result<std::string> input_text(const Invocation& invocation);

// Ids between optional brackets, separated by commas or white space. Errors: something else, or an id outside the
// vocabulary, each with its place in the list.
Result<std::vector<tokenizer::Token>> parse_token_ids(std::string_view list, int32_t n_vocab);

}  // namespace quipu::cli
