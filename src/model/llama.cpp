#include "model/llama.h"

#include <array>

#include "model/weights.h"

namespace quipu::model {
namespace {

struct Layer {
  std::vector<float> attn_norm;  // [n_embd]
  Linear wq;                     // [n_head * head_dim_k, n_embd]
  Linear wk;                     // [n_head_kv * head_dim_k, n_embd]
  Linear wv;                     // [n_head_kv * head_dim_v, n_embd]
  Linear wo;                     // [n_embd, n_head * head_dim_v]
  std::vector<float> ffn_norm;   // [n_embd]
  Linear gate, up;               // [n_ff, n_embd]
  Linear down;                   // [n_embd, n_ff]
};

class Llama final : public Model {
 public:
  static Result<std::unique_ptr<Model>> load(const gguf::File& file, Hyperparameters hyperparameters);
  [[nodiscard]] const Hyperparameters& hyperparameters() const override { return hp_; }
  Rows forward(const Batch& batch, Ops& ops) const override;
  Rows logits(Rows hidden, Ops& ops) const override { return ops.linear(hidden, output_); }

 private:
  static Result<Layer> load_layer(WeightReader& weights, const Hyperparameters& hp, uint32_t index);
  void attention(uint32_t index, Rows x, const Batch& batch, Ops& ops) const;
  void feed_forward(const Layer& layer, Rows x, Ops& ops) const;

  gguf::File file_;  // keeps the weights mapped
  Hyperparameters hp_;
  RopeFrequencies rope_;
  const gguf::Tensor* token_embd_ = nullptr;  // [n_vocab, n_embd]
  std::vector<Layer> layers_;
  std::vector<float> output_norm_;  // [n_embd]
  Linear output_;                   // [n_vocab, n_embd]; tied models: the embedding itself
};

// x: [n_tokens, n_embd]
Rows Llama::forward(const Batch& batch, Ops& ops) const {
  Rows x = ops.embed(*token_embd_, batch.tokens);
  for (uint32_t index = 0; index < hp_.n_layer; index++) {
    const Ops::Scope scope(ops);
    attention(index, x, batch, ops);
    feed_forward(layers_[index], x, ops);
  }
  x = ops.select(x, batch.output_rows);
  return ops.rms_norm(x, output_norm_, hp_.rms_eps);  // [n_outputs, n_embd]
}

// x = x + Wo attention(rope(Wq h), rope(Wk h), Wv h),  h = norm(x)
void Llama::attention(uint32_t index, Rows x, const Batch& batch, Ops& ops) const {
  const Layer& layer = layers_[index];
  const Rows h = ops.rms_norm(x, layer.attn_norm, hp_.rms_eps);
  std::array<Rows, 3> qkv;  // [n_tokens, n_head * head_dim_k], [n_tokens, n_head_kv * head_dim_k], [.., head_dim_v]
  ops.linear(h, std::array{&layer.wq, &layer.wk, &layer.wv}, qkv);
  const auto [q, k, v] = qkv;
  ops.rope(q, hp_.n_head, rope_, batch);
  ops.rope(k, hp_.n_head_kv, rope_, batch);
  const AttentionShape shape{index, hp_.n_head, hp_.n_head_kv, hp_.head_dim_k, hp_.head_dim_v, hp_.attention_scale};
  const Rows a = ops.attention(q, k, v, shape, batch);  // [n_tokens, n_head * head_dim_v]
  ops.add(x, ops.linear(a, layer.wo));
}

// x = x + Wdown (silu(Wgate h) * Wup h),  h = norm(x)
void Llama::feed_forward(const Layer& layer, Rows x, Ops& ops) const {
  const Rows h = ops.rms_norm(x, layer.ffn_norm, hp_.rms_eps);
  std::array<Rows, 2> gate_up;  // [n_tokens, n_ff] each
  ops.linear(h, std::array{&layer.gate, &layer.up}, gate_up);
  const auto [gate, up] = gate_up;
  ops.silu_multiply(gate, up);
  ops.add(x, ops.linear(gate, layer.down));
}

Result<Layer> Llama::load_layer(WeightReader& weights, const Hyperparameters& hp, uint32_t index) {
  const std::string block = fmt::format("blk.{}.", index);
  Layer layer;
  QUIPU_TRY(layer.attn_norm, weights.vector(block + "attn_norm.weight", hp.n_embd));
  QUIPU_TRY(layer.wq, weights.linear(block + "attn_q", hp.n_embd, uint64_t{hp.n_head} * hp.head_dim_k));
  QUIPU_TRY(layer.wk, weights.linear(block + "attn_k", hp.n_embd, uint64_t{hp.n_head_kv} * hp.head_dim_k));
  QUIPU_TRY(layer.wv, weights.linear(block + "attn_v", hp.n_embd, uint64_t{hp.n_head_kv} * hp.head_dim_v));
  QUIPU_TRY(layer.wo, weights.linear(block + "attn_output", uint64_t{hp.n_head} * hp.head_dim_v, hp.n_embd));
  QUIPU_TRY(layer.ffn_norm, weights.vector(block + "ffn_norm.weight", hp.n_embd));
  QUIPU_TRY(layer.gate, weights.linear(block + "ffn_gate", hp.n_embd, hp.n_ff));
  QUIPU_TRY(layer.up, weights.linear(block + "ffn_up", hp.n_embd, hp.n_ff));
  QUIPU_TRY(layer.down, weights.linear(block + "ffn_down", hp.n_ff, hp.n_embd));
  // Converters of 2023 wrote the frequencies into each layer; they say nothing that the hyperparameters do not.
  QUIPU_TRY(const auto old_frequencies, weights.optional_vector(block + "attn_rot_embd", hp.rope.n_rot / 2));
  return layer;
}

Result<std::unique_ptr<Model>> Llama::load(const gguf::File& file, Hyperparameters hyperparameters) {
  auto model = std::make_unique<Llama>();
  model->file_ = file;
  model->hp_ = std::move(hyperparameters);
  const Hyperparameters& hp = model->hp_;
  WeightReader weights(model->file_);
  QUIPU_TRY(model->token_embd_, weights.matrix("token_embd.weight", hp.n_embd, hp.n_vocab));
  QUIPU_TRY(const auto freq_factors, weights.optional_vector("rope_freqs.weight", hp.rope.n_rot / 2));
  for (const float factor : freq_factors)
    if (!(factor > 0.0f))
      return invalid_input("{}: tensor 'rope_freqs.weight' has a factor that is not above 0", file.name());
  model->rope_ = rope_frequencies(hp.rope, freq_factors);
  for (uint32_t index = 0; index < hp.n_layer; index++) {
    QUIPU_TRY(auto layer, load_layer(weights, hp, index));
    model->layers_.push_back(std::move(layer));
  }
  QUIPU_TRY(model->output_norm_, weights.vector("output_norm.weight", hp.n_embd));
  if (weights.has("output.weight")) {
    QUIPU_TRY(model->output_, weights.linear("output", hp.n_embd, hp.n_vocab));
  } else {
    model->output_.weight = model->token_embd_;
  }
  QUIPU_CHECK_OK(weights.check_all_used());
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace

Result<std::unique_ptr<Model>> load_llama(const gguf::File& file, Hyperparameters hyperparameters) {
  return Llama::load(file, std::move(hyperparameters));
}

}  // namespace quipu::model
