// Builds tokenizers from any claims about a vocabulary, and uses those that are accepted.
// Input: a byte of flags, six bytes of ids and sizes, then strings of a length byte each.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "../tests/tokenizer/small_vocab.h"
#include "base/check.h"

namespace {

using namespace quipu::tokenizer;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t byte() { return size_ == 0 ? 0 : (--size_, *data_++); }
  std::string_view string() {
    const size_t n = std::min<size_t>(byte() % 24, size_);
    const std::string_view text(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    size_ -= n;
    return text;
  }
  [[nodiscard]] std::string_view rest() const { return {reinterpret_cast<const char*>(data_), size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  const uint8_t* data_;
  size_t size_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const uint8_t flags = input.byte();
  SmallVocab small = (flags & 1) != 0   ? piece_vocab({"a", "▁a", "aa"})
                     : (flags & 2) != 0 ? byte_vocab("llama-bpe", {"a a"})
                                        : SmallVocab();
  if (small.vocab.model.empty()) small.vocab.model = (flags & 4) != 0 ? "llama" : "gpt2";
  const int n_tokens = input.byte(), n_merges = input.byte();
  const auto id = [&input]() -> std::optional<int64_t> {
    const uint8_t value = input.byte();
    return value == 0 ? std::nullopt : std::optional<int64_t>(value - 2);
  };
  small.vocab.bos_token_id = id();
  small.vocab.eos_token_id = id();
  small.vocab.unknown_token_id = id();
  small.vocab.add_bos_token = (flags & 8) != 0;
  if ((flags & 16) != 0) small.vocab.model_name = "phi-3";
  if ((flags & 32) != 0) small.vocab.add_space_prefix = false;
  for (int i = 0; i < n_tokens && !input.empty(); ++i) {
    const auto type = static_cast<TokenType>(input.byte() % 8);
    float score = 0;
    const uint32_t bits = static_cast<uint32_t>(input.byte()) << 24 | static_cast<uint32_t>(input.byte()) << 16;
    std::memcpy(&score, &bits, sizeof score);
    small.add(input.string(), type, score);
  }
  for (int i = 0; i < n_merges && !input.empty(); ++i) {
    std::string merge(input.string());
    if ((flags & 64) != 0) merge += " " + std::string(input.string());
    small.add_merge(merge);
  }
  if ((flags & 128) != 0 && !small.vocab.token_types.empty()) small.vocab.token_types.pop_back();

  const auto tokenizer = Tokenizer::from_vocab(small.vocab);
  if (!tokenizer.ok()) {
    QUIPU_CHECK(!tokenizer.error().message.empty());
    return 0;
  }
  for (const bool parse_special : {false, true}) {
    const auto tokens = tokenizer->encode(input.rest(), {.parse_special = parse_special, .add_special = true});
    for (const Token token : tokens) QUIPU_CHECK(token >= 0 && token < tokenizer->n_vocab());
    (void)tokenizer->decode(tokens, false);
  }
  for (Token token = -1; token <= tokenizer->n_vocab(); ++token) {
    const std::string_view bytes = tokenizer->bytes(token, true);
    const auto found = tokenizer->find(bytes);
    if (found) QUIPU_CHECK(tokenizer->bytes(*found, true) == bytes);
    (void)tokenizer->is_end_of_generation(token);
  }
  return 0;
}
