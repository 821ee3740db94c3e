#include "model/hyperparameters.h"

#include <cmath>

namespace quipu::model {
namespace {

// Far above any published model (405B: 126 layers, width 16384, vocabularies of 256k), low enough that products of
// two of them fit in 64 bits with room to spare.
constexpr uint32_t kMaxLayers = 4096;
constexpr uint32_t kMaxWidth = 1u << 20;
constexpr uint32_t kMaxHeads = 1u << 14;
constexpr uint32_t kMaxVocab = 1u << 24;
constexpr uint32_t kMaxContext = 1u << 27;

class Reader {
 public:
  Reader(const gguf::File& file, const std::string& architecture) : file_(file), prefix_(architecture + ".") {}

  [[nodiscard]] std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  [[nodiscard]] const gguf::File& file() const { return file_; }

  // A whole number in [1, max]; missing: `fallback`, and an error if that is 0.
  [[nodiscard]] Result<uint32_t> count(std::string_view name, uint32_t max, uint32_t fallback) const {
    QUIPU_TRY(const auto found, file_.get<uint32_t>(key(name)));
    if (!found && fallback == 0) return invalid_input("{}: key '{}' is missing", file_.name(), key(name));
    const uint32_t value = found.value_or(fallback);
    if (value == 0 || value > max)
      return invalid_input("{}: key '{}' is {}, but must be from 1 to {}", file_.name(), key(name), value, max);
    return value;
  }

  // A finite number above zero; missing: nothing.
  [[nodiscard]] Result<std::optional<float>> positive(std::string_view name) const {
    QUIPU_TRY(const auto found, file_.get<float>(key(name)));
    if (found && !(std::isfinite(*found) && *found > 0.0f))
      return invalid_input("{}: key '{}' is {}, but must be a finite number above 0", file_.name(), key(name), *found);
    return found;
  }
  [[nodiscard]] Result<float> positive(std::string_view name, float fallback) const {
    QUIPU_TRY(const auto found, positive(name));
    return found.value_or(fallback);
  }

 private:
  const gguf::File& file_;
  std::string prefix_;
};

Result<RopeScaling> read_scaling_type(const Reader& in) {
  QUIPU_TRY(const auto type, in.file().get<std::string_view>(in.key("rope.scaling.type")));
  if (!type || *type == "none") return RopeScaling::none;
  if (*type == "linear") return RopeScaling::linear;
  if (*type == "yarn") return RopeScaling::yarn;
  if (*type == "llama3") return RopeScaling::llama3;
  return error_of(ErrorKind::unsupported, "{}: key '{}' is '{}'; known are none, linear, yarn and llama3",
                  in.file().name(), in.key("rope.scaling.type"), *type);
}

Result<RopeParams> read_rope(const Reader& in, const Hyperparameters& hp) {
  RopeParams rope;
  QUIPU_TRY(rope.base, in.positive("rope.freq_base", 10000.0f));
  if (rope.base <= 1.0f)
    return invalid_input("{}: key '{}' must be above 1", in.file().name(), in.key("rope.freq_base"));
  QUIPU_TRY(rope.n_rot, in.count("rope.dimension_count", hp.head_dim_k, hp.head_dim_k));
  if (rope.n_rot % 2 != 0)
    return invalid_input("{}: key '{}' is {}, but must be even", in.file().name(), in.key("rope.dimension_count"),
                         rope.n_rot);
  QUIPU_TRY(rope.scaling, read_scaling_type(in));
  QUIPU_TRY(const auto old_linear, in.positive("rope.scale_linear"));  // files of before August 2023
  if (rope.scaling == RopeScaling::none && old_linear.value_or(1.0f) != 1.0f) rope.scaling = RopeScaling::linear;
  QUIPU_TRY(rope.factor, in.positive("rope.scaling.factor", old_linear.value_or(1.0f)));
  QUIPU_TRY(rope.n_ctx_original, in.count("rope.scaling.original_context_length", kMaxContext, hp.n_ctx_train));
  QUIPU_TRY(rope.attention_factor, in.positive("rope.scaling.attn_factor", 0.0f));
  QUIPU_TRY(rope.beta_fast, in.positive("rope.scaling.yarn_beta_fast", 32.0f));
  QUIPU_TRY(rope.beta_slow, in.positive("rope.scaling.yarn_beta_slow", 1.0f));
  QUIPU_TRY(rope.low_freq_factor, in.positive("rope.scaling.low_freq_factor", 1.0f));
  QUIPU_TRY(rope.high_freq_factor, in.positive("rope.scaling.high_freq_factor", 4.0f));
  if (rope.scaling == RopeScaling::llama3 && rope.high_freq_factor <= rope.low_freq_factor)
    return invalid_input("{}: key '{}' must be above '{}'", in.file().name(), in.key("rope.scaling.high_freq_factor"),
                         in.key("rope.scaling.low_freq_factor"));
  return rope;
}

Status read_heads(const Reader& in, Hyperparameters& hp) {
  QUIPU_TRY(hp.n_head, in.count("attention.head_count", kMaxHeads, 0));
  QUIPU_TRY(hp.n_head_kv, in.count("attention.head_count_kv", kMaxHeads, hp.n_head));
  if (hp.n_head % hp.n_head_kv != 0)
    return invalid_input("{}: '{}' ({}) is no multiple of '{}' ({})", in.file().name(), in.key("attention.head_count"),
                         hp.n_head, in.key("attention.head_count_kv"), hp.n_head_kv);
  const uint32_t default_dim = hp.n_embd % hp.n_head == 0 ? hp.n_embd / hp.n_head : 0;
  QUIPU_TRY(hp.head_dim_k, in.count("attention.key_length", kMaxWidth, default_dim));
  QUIPU_TRY(hp.head_dim_v, in.count("attention.value_length", kMaxWidth, default_dim));
  QUIPU_TRY(hp.attention_scale, in.positive("attention.scale", 1.0f / std::sqrt(static_cast<float>(hp.head_dim_k))));
  return {};
}

// The vocabulary's size: the key if there is one, else the number of tokens.
Result<uint32_t> read_n_vocab(const Reader& in) {
  QUIPU_TRY(const auto tokens, in.file().get_array<std::string_view>("tokenizer.ggml.tokens"));
  const uint64_t n_tokens = tokens ? tokens->size() : 0;
  if (n_tokens > kMaxVocab)
    return invalid_input("{}: 'tokenizer.ggml.tokens' has {} entries; {} is the limit", in.file().name(), n_tokens,
                         kMaxVocab);
  return in.count("vocab_size", kMaxVocab, static_cast<uint32_t>(n_tokens));
}

}  // namespace

Result<Hyperparameters> read_hyperparameters(const gguf::File& file) {
  Hyperparameters hp;
  QUIPU_TRY(const auto architecture, file.require<std::string_view>("general.architecture"));
  hp.architecture = architecture;
  QUIPU_TRY(const auto name, file.get<std::string_view>("general.name"));
  hp.name = name.value_or("");
  const Reader in(file, hp.architecture);
  QUIPU_TRY(const auto n_expert, file.get<uint32_t>(in.key("expert_count")));
  if (n_expert.value_or(0) > 0)
    return error_of(ErrorKind::unsupported, "{}: '{}' is {}: mixtures of experts are not supported", file.name(),
                    in.key("expert_count"), *n_expert);
  QUIPU_TRY(hp.n_vocab, read_n_vocab(in));
  QUIPU_TRY(hp.n_ctx_train, in.count("context_length", kMaxContext, 0));
  QUIPU_TRY(hp.n_embd, in.count("embedding_length", kMaxWidth, 0));
  QUIPU_TRY(hp.n_layer, in.count("block_count", kMaxLayers, 0));
  QUIPU_TRY(hp.n_ff, in.count("feed_forward_length", kMaxWidth, 0));
  QUIPU_TRY(hp.rms_eps, in.positive("attention.layer_norm_rms_epsilon", 1e-5f));
  QUIPU_CHECK_OK(read_heads(in, hp));
  QUIPU_TRY(hp.rope, read_rope(in, hp));
  return hp;
}

}  // namespace quipu::model
