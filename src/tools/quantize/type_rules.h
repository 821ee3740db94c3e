// Which type each tensor of a model gets in a mix. The rules are llama.cpp's (src/llama-quant.cpp as in
// llama-cpp-python 0.3.36), so that sizes and quality are the known ones: some tensors suffer more from few bits than
// others, and those of the first and last layers more than those in between.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gguf/gguf.h"
#include "tools/quantize/mix.h"

namespace quipu::tools {

// What the rules ask about a model.
struct MixFacts {
  std::string architecture;
  uint32_t n_layer = 0;
  uint32_t n_gqa = 1;  // query heads for each KV head, of the first layer
  uint32_t n_expert = 0;
  bool is_70b = false;    // eight query heads share each of few and so precious V rows
  uint32_t n_attn_v = 0;  // tensors of V, also fused with others
  bool has_output = false;
  bool has_importance = false;
};
// Errors: metadata of a wrong type.
Result<MixFacts> mix_facts(const gguf::File& file);

// Dimensions without trailing ones.
uint32_t n_true_dims(const gguf::Tensor& tensor);

// False for what stays as it is in every mix: vectors, norms, small or sensitive matrices.
bool is_quantizable(const gguf::Tensor& tensor, const MixFacts& facts);

bool is_token_embedding(std::string_view name);

// The order in which the rules count tensors: by layer, then by name.
bool comes_before(std::string_view a, std::string_view b);

class TypeRules {
 public:
  TypeRules(Mix mix, const MixFacts& facts) : mix_(mix), facts_(facts) {}

  // The type of a quantisable tensor. To be called once for each, in the order of comes_before.
  quant::TensorType next(const gguf::Tensor& tensor);

 private:
  struct Place {
    int64_t layer = 0, n_layers = 0;
    [[nodiscard]] bool in_first(int64_t share) const { return layer < n_layers / share; }
    [[nodiscard]] bool needs_more_bits() const;
  };
  [[nodiscard]] quant::TensorType output(const gguf::Tensor& tensor) const;
  [[nodiscard]] quant::TensorType token_embedding() const;
  quant::TensorType attn_v();
  [[nodiscard]] quant::TensorType attn_k() const;
  [[nodiscard]] quant::TensorType attn_q() const;
  quant::TensorType ffn_down(std::string_view name);
  [[nodiscard]] quant::TensorType attn_output() const;
  quant::TensorType ffn_gate_or_up(std::string_view name, int64_t& count);
  quant::TensorType few_bits(std::string_view name);
  [[nodiscard]] Place place(std::string_view name, int64_t count) const;
  [[nodiscard]] bool is_any(std::initializer_list<Mix> mixes) const;
  [[nodiscard]] quant::TensorType base() const { return mix_traits(mix_).type; }

  Mix mix_;
  MixFacts facts_;
  int64_t n_attn_v_ = 0, n_ffn_down_ = 0, n_ffn_gate_ = 0, n_ffn_up_ = 0;  // seen so far
};

// A type that the tensor's rows divide into: `wanted` if they do.
quant::TensorType fitting_type(quant::TensorType wanted, uint64_t n_per_row);

}  // namespace quipu::tools
