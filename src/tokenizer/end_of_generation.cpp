#include "tokenizer/end_of_generation.h"

#include <algorithm>
#include <optional>

namespace quipu::tokenizer {

namespace {

struct Known {
  std::string_view text;
  bool whatever_type;  // also where the file calls it a normal token; the others are plain words of some vocabularies
};

// After llama.cpp's list. The text of all begins with one of "<_[".
constexpr Known kKnown[] = {
    {"<|eot_id|>", true},             // Llama 3
    {"<|eom_id|>", true},             // Llama 3.1
    {"<|end_of_text|>", true},        // Llama 3, Granite
    {"<|im_end|>", true},             // ChatML
    {"<|endoftext|>", true},          // GPT-2, Qwen
    {"<|end|>", true},                // Phi-3
    {"<|return|>", true},             // Harmony
    {"<|call|>", true},               // Harmony
    {"<end_of_turn>", true},          // Gemma
    {"<turn|>", true},                // Gemma 4
    {"<|tool_response>", true},       // Gemma 4
    {"<｜end▁of▁sentence｜>", true},  // DeepSeek
    {"<end_of_utterance>", true},     // SmolDocling
    {"<|fim_pad|>", true},            // Qwen2.5-Coder
    {"<|repo_name|>", true},          // Qwen2.5-Coder
    {"<|file_sep|>", true},           // Qwen2.5-Coder
    {"[EOT]", false},                 // Kimi K2
    {"[EOS]", false},                 // Kimi K2
    {"<EOT>", false},
    {"_<EOT>", false},
    {"<eos>", false},
    {"</s>", false},
};

bool contains(const std::vector<Token>& tokens, std::optional<Token> token) {
  return token && std::find(tokens.begin(), tokens.end(), *token) != tokens.end();
}

}  // namespace

TokenType type_in_file(const Vocab& vocab, size_t i) {
  if (vocab.token_types.empty()) return TokenType::normal;
  const int32_t number = vocab.token_types[i];
  const bool known = number >= 0 && number <= static_cast<int32_t>(TokenType::byte);
  return known ? static_cast<TokenType>(number) : TokenType::undefined;
}

bool is_known_end(std::string_view text, TokenType type) {
  if (text.empty() || (text[0] != '<' && text[0] != '[' && text[0] != '_')) return false;
  const bool special = type == TokenType::control || type == TokenType::user_defined;
  return std::any_of(std::begin(kKnown), std::end(kKnown),
                     [&](const Known& known) { return known.text == text && (known.whatever_type || special); });
}

std::vector<Token> end_of_generation_tokens(const Vocab& vocab) {
  std::vector<Token> tokens;
  std::optional<Token> end, message_return, call;
  for (size_t i = 0; i < vocab.tokens.size(); ++i) {
    const std::string_view text = vocab.tokens[i];
    if (!is_known_end(text, type_in_file(vocab, i))) continue;
    const auto token = static_cast<Token>(i);
    tokens.push_back(token);
    if (text == "<|end|>") end = token;
    if (text == "<|return|>") message_return = token;
    if (text == "<|call|>") call = token;
  }
  // In Harmony <|end|> closes one message of several.
  if (end && message_return && call) tokens.erase(std::find(tokens.begin(), tokens.end(), *end));
  for (const auto id : {vocab.eos_token_id, vocab.eot_token_id, vocab.eom_token_id}) {
    const bool in_range = id && *id >= 0 && static_cast<uint64_t>(*id) < vocab.tokens.size();
    if (in_range && !contains(tokens, static_cast<Token>(*id))) tokens.push_back(static_cast<Token>(*id));
  }
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

}  // namespace quipu::tokenizer
