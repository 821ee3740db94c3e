#include "tokenizer/vocab.h"

namespace quipu::tokenizer {

namespace {

template <typename T>
Status read_array(const gguf::File& file, std::string_view key, std::vector<T>& out) {
  QUIPU_TRY(auto array, file.get_array<T>(key));
  if (array) out = std::move(*array);
  return {};
}

template <typename T>
Status read_value(const gguf::File& file, std::string_view key, std::optional<T>& out) {
  QUIPU_TRY(out, file.get<T>(key));
  return {};
}

}  // namespace

Result<Vocab> read_vocab(const gguf::File& file) {
  Vocab vocab;
  QUIPU_TRY(vocab.model, file.require<std::string_view>("tokenizer.ggml.model"));
  QUIPU_TRY(const auto pre, file.get<std::string_view>("tokenizer.ggml.pre"));
  QUIPU_TRY(const auto name, file.get<std::string_view>("general.name"));
  vocab.pre = pre.value_or("");
  vocab.model_name = name.value_or("");
  QUIPU_CHECK_OK(read_array(file, "tokenizer.ggml.tokens", vocab.tokens));
  QUIPU_CHECK_OK(read_array(file, "tokenizer.ggml.scores", vocab.scores));
  QUIPU_CHECK_OK(read_array(file, "tokenizer.ggml.token_type", vocab.token_types));
  QUIPU_CHECK_OK(read_array(file, "tokenizer.ggml.merges", vocab.merges));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.bos_token_id", vocab.bos_token_id));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.eos_token_id", vocab.eos_token_id));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.eot_token_id", vocab.eot_token_id));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.eom_token_id", vocab.eom_token_id));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.unknown_token_id", vocab.unknown_token_id));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.add_bos_token", vocab.add_bos_token));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.add_eos_token", vocab.add_eos_token));
  QUIPU_CHECK_OK(read_value(file, "tokenizer.ggml.add_space_prefix", vocab.add_space_prefix));
  return vocab;
}

}  // namespace quipu::tokenizer
