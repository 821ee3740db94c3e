// A vocabulary as a model file describes it, before anything is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::tokenizer {

using Token = int32_t;

// As `tokenizer.ggml.token_type` numbers them; any other number counts as undefined.
enum class TokenType : uint8_t {
  undefined = 0,
  normal = 1,
  unknown = 2,       // stands for what has no token
  control = 3,       // structure of a conversation: never shown, never made from plain text
  user_defined = 4,  // found in any text before everything else
  unused = 5,
  byte = 6,  // "<0x41>"
};

// Keys of `tokenizer.ggml.` unless said otherwise. The strings lie in the file that it was read from: building a
// Tokenizer copies what it needs.
struct Vocab {
  std::string_view model;       // `model`: "gpt2" (byte-level BPE) or "llama" (SentencePiece)
  std::string_view pre;         // `pre`; empty if the file has none
  std::string_view model_name;  // `general.name`
  std::vector<std::string_view> tokens;
  std::vector<float> scores;         // empty, or one a token
  std::vector<int32_t> token_types;  // empty (all normal), or one a token
  std::vector<std::string_view> merges;
  std::optional<int64_t> bos_token_id, eos_token_id, eot_token_id, eom_token_id, unknown_token_id;
  std::optional<bool> add_bos_token, add_eos_token, add_space_prefix;
};

// Errors: a missing key or a wrong type.
Result<Vocab> read_vocab(const gguf::File& file);

}  // namespace quipu::tokenizer
