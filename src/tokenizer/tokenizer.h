// Text to tokens and back. Byte-level BPE (`gpt2`) and SentencePiece (`llama`) vocabularies from GGUF metadata.
// Format, and how to add a pre-tokeniser: docs/formats/tokenizer.md.
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
struct Vocab;  // tokenizer/vocab.h

struct EncodeOptions {
  // true: "<|im_start|>" in the text becomes that token. false: control tokens in the text stay plain text; only those
  // that the vocabulary calls user-defined, which are part of its ordinary text, are found.
  bool parse_special = false;
  bool add_special = false;  // true: BOS/EOS as the model's metadata asks (add_bos_token, add_eos_token)
};

// Immutable after loading; cheap to copy; may be used from any thread.
class Tokenizer {
 public:
  // Keeps nothing of the file. Errors: a kind of vocabulary or pre-tokeniser that is not known (with those that are),
  // and everything that does not fit together: array lengths, merges of tokens that are not there, ids out of range.
  static Result<Tokenizer> from_gguf(const gguf::File& file);
  static Result<Tokenizer> from_vocab(const Vocab& vocab);

  // Linear in the size of the text (times log for merges). Invalid UTF-8 is encoded as bytes, never refused. Bytes that
  // no token stands for are left out (byte-level BPE) or become the unknown token (SentencePiece).
  [[nodiscard]] std::vector<Token> encode(std::string_view text, EncodeOptions options) const;
  // The bytes of a token: may be part of a UTF-8 character. Empty for an id out of range. Control tokens give their
  // text ("<|im_end|>") if `special`, else nothing.
  [[nodiscard]] std::string_view bytes(Token token, bool special) const;
  // All tokens' bytes joined. Where adds_space_prefix(), the text that was encoded has one space less at its front.
  [[nodiscard]] std::string decode(std::span<const Token> tokens, bool special) const;

  [[nodiscard]] int32_t n_vocab() const;
  [[nodiscard]] std::optional<Token> bos() const;
  [[nodiscard]] std::optional<Token> eos() const;
  // Whether encode() puts them around the text if `add_special`.
  [[nodiscard]] bool adds_bos() const;
  [[nodiscard]] bool adds_eos() const;
  // SentencePiece: encode() puts a space in front of the text and of what follows a special token.
  [[nodiscard]] bool adds_space_prefix() const;
  // Ends an answer: EOS, EOT, EOM and what the metadata or well-known names (<|im_end|>, <|eot_id|>, ...) say.
  [[nodiscard]] bool is_end_of_generation(Token token) const;
  [[nodiscard]] bool is_control(Token token) const;
  // The token whose text is exactly this one: a control token's text, or plain bytes ("hello", " hello").
  [[nodiscard]] std::optional<Token> find(std::string_view text) const;
  // What is doubtful about the vocabulary, for a person to read, one sentence each.
  [[nodiscard]] std::span<const std::string> warnings() const;

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
