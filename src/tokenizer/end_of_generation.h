// Which tokens end an answer.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/vocab.h"

namespace quipu::tokenizer {

// Whether a token with this text ends an answer in a known model family, and so is a control token. Some files call
// such tokens normal ones.
bool is_known_end(std::string_view text, TokenType type);

// What the file names (EOS, EOT, EOM; ids out of range are left out) and the known ends, sorted.
std::vector<Token> end_of_generation_tokens(const Vocab& vocab);

// The type that the file gives a token; of arrays that are checked to have an entry each.
TokenType type_in_file(const Vocab& vocab, size_t i);

}  // namespace quipu::tokenizer
