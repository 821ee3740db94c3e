// Text to tokens and back. Byte-level BPE (`gpt2`) and SentencePiece (`llama`) vocabularies from GGUF metadata.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::tokenizer {

using Token = int32_t;

struct EncodeOptions {
  bool parse_special = false;  // true: "<|im_start|>" in the text becomes that token; false: it stays plain text
  bool add_special = false;    // true: BOS/EOS as the model's metadata asks (add_bos_token, add_eos_token)
};

// Immutable after loading; may be used from any thread.
class Tokenizer {
 public:
  static Result<Tokenizer> from_gguf(const gguf::File& file);

  // Linear in the size of the text (times log for merges). Invalid UTF-8 is encoded as bytes, never refused.
  [[nodiscard]] std::vector<Token> encode(std::string_view text, EncodeOptions options) const;
  // The bytes of a token: may be part of a UTF-8 character. Empty for an id out of range. Control tokens give their
  // text ("<|im_end|>") if `special`, else nothing.
  [[nodiscard]] std::string_view bytes(Token token, bool special) const;
  // All tokens' bytes joined.
  [[nodiscard]] std::string decode(std::span<const Token> tokens, bool special) const;

  [[nodiscard]] int32_t n_vocab() const;
  [[nodiscard]] std::optional<Token> bos() const;
  [[nodiscard]] std::optional<Token> eos() const;
  // Ends an answer: EOS, EOT, EOM and what the metadata or well-known names (<|im_end|>, <|eot_id|>, ...) say.
  [[nodiscard]] bool is_end_of_generation(Token token) const;
  [[nodiscard]] bool is_control(Token token) const;
  // The token whose text is exactly this one.
  [[nodiscard]] std::optional<Token> find(std::string_view text) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// Joins the bytes of streamed tokens and hands out whole UTF-8 characters only. Bytes that can never become a
// character come out as U+FFFD.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool special = false);
  // What can be shown after this token: whole characters, possibly empty.
  std::string push(Token token);
  // What is left at the end (an unfinished character becomes U+FFFD).
  std::string finish();

 private:
  Tokenizer tokenizer_;
  bool special_;
  std::string pending_;
};

}  // namespace quipu::tokenizer
