#include "tools/quantize/type_rules.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "quant/types.h"

namespace quipu::tools {
namespace {

using quant::TensorType;

bool contains(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

// What stays as it is, by parts of the name.
constexpr std::array kKeptParts{
    "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj",
    // convolutions of state-space models
    "ssm_conv1d", "shortconv.conv.weight",
    // small projections
    "indexer.k_proj.weight", "indexer.q_proj.weight",
    // RWKV
    "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight",
    "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
    "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    // positions; images; sound
    "attn_rel_b.weight", ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd",
    ".patch_merger", "a.rvq.codebook", "mm.a.code_embd"};
constexpr std::array kKeptPartsOfGlm5Next{"hc_",
                                          "indexer.attn_q_b",
                                          "indexer.attn_k",
                                          "indexer.proj",
                                          "indexer_compressor_gate",
                                          "indexer_compressor_ape",
                                          "ssm_f_a.weight",
                                          "ssm_f_b.weight",
                                          "ssm_g_a.weight",
                                          "ssm_g_b.weight",
                                          "ssm_beta.weight",
                                          "attn_kv_a_mqa.weight",
                                          "attn_k_b.weight",
                                          "attn_v_b.weight"};
constexpr std::string_view kGlm5Next = "glm5-next", kFalcon = "falcon", kBailingMoe3 = "bailingmoe3";

// -1 for a tensor of no layer.
int64_t layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  int32_t layer = 0;
  const char* end = name.data() + name.size();
  const auto [stop, code] = std::from_chars(name.data() + kPrefix.size(), end, layer);
  return code == std::errc() && stop != end && *stop == '.' ? layer : -1;
}

bool is_attn_v(std::string_view name) {
  return contains(name, "attn_qkv.weight") || contains(name, "attn_kv_b.weight") || contains(name, "attn_v.weight");
}

// The first layer's figure, if there is one for each.
Result<uint32_t> first_of(const gguf::File& file, const std::string& key) {
  const gguf::Value* value = file.find_value(key);
  if (value == nullptr) return 0U;
  if (value->type == gguf::ValueType::array) {
    QUIPU_TRY(const auto all, file.get_array<uint32_t>(key));
    return all && !all->empty() ? all->front() : 0U;
  }
  QUIPU_TRY(const auto one, file.get<uint32_t>(key));
  return one.value_or(0);
}

bool has_70b_shape(const MixFacts& facts, uint32_t n_head, uint32_t n_head_kv) {
  if (facts.architecture == "llama") return facts.n_layer == 80 && facts.n_expert != 8 && n_head != n_head_kv;
  if (facts.architecture == "jais2") return facts.n_layer == 68;
  constexpr std::array kOthers{"deci", "olmo", "qwen2"};
  return facts.n_layer == 80 && std::ranges::find(kOthers, facts.architecture) != kOthers.end();
}

}  // namespace

Result<MixFacts> mix_facts(const gguf::File& file) {
  MixFacts facts;
  QUIPU_TRY(const auto architecture, file.get<std::string_view>("general.architecture"));
  facts.architecture = architecture.value_or("");
  QUIPU_TRY(facts.n_layer, first_of(file, facts.architecture + ".block_count"));
  QUIPU_TRY(facts.n_expert, first_of(file, facts.architecture + ".expert_count"));
  QUIPU_TRY(const uint32_t n_head, first_of(file, facts.architecture + ".attention.head_count"));
  uint32_t n_head_kv = n_head;
  if (const std::string key = facts.architecture + ".attention.head_count_kv"; file.find_value(key) != nullptr) {
    QUIPU_TRY(n_head_kv, first_of(file, key));
  }
  facts.n_gqa = n_head_kv == 0 ? 0 : n_head / n_head_kv;
  facts.is_70b = has_70b_shape(facts, n_head, n_head_kv);
  for (const gguf::Tensor& tensor : file.tensors()) {
    facts.n_attn_v += is_attn_v(tensor.name) ? 1 : 0;
    facts.has_output |= tensor.name == "output.weight";
  }
  return facts;
}

uint32_t n_true_dims(const gguf::Tensor& tensor) {
  uint32_t n = tensor.n_dims;
  while (n > 1 && tensor.dims[n - 1] == 1) --n;
  return n;
}

bool is_token_embedding(std::string_view name) {
  return name == "token_embd.weight" || name == "per_layer_token_embd.weight";
}

bool is_quantizable(const gguf::Tensor& tensor, const MixFacts& facts) {
  const std::string_view name = tensor.name;
  if (quant::traits(tensor.type).decode == nullptr || n_true_dims(tensor) < 2 || !name.ends_with("weight"))
    return false;
  if (name == "position_embd.weight" || name == "token_types.weight") return false;
  const auto is_part = [&](std::string_view part) { return contains(name, part); };
  if (std::ranges::any_of(kKeptParts, is_part)) return false;
  return facts.architecture != kGlm5Next || std::ranges::none_of(kKeptPartsOfGlm5Next, is_part);
}

bool comes_before(std::string_view a, std::string_view b) {
  const int64_t layer_a = layer_of(a), layer_b = layer_of(b);
  return layer_a != layer_b ? layer_a < layer_b : a < b;
}

bool TypeRules::is_any(std::initializer_list<Mix> mixes) const {
  return std::ranges::find(mixes, mix_) != mixes.end();
}

bool TypeRules::Place::needs_more_bits() const {
  return layer < n_layers / 8 || layer >= 7 * n_layers / 8 || (layer - n_layers / 8) % 3 == 2;
}

// Experts' tensors are not always in order, so their layer is taken from the name; others are counted.
TypeRules::Place TypeRules::place(std::string_view name, int64_t count) const {
  return {facts_.n_expert > 1 ? std::max<int64_t>(layer_of(name), 0) : count, facts_.n_layer};
}

TensorType TypeRules::output(const gguf::Tensor& tensor) const {
  const bool divides = tensor.dims[0] % quant::traits(base()).block_elements == 0;
  if (mix_ == Mix::MXFP4_MOE || facts_.architecture == kFalcon || !divides) return TensorType::Q8_0;
  if (is_any({Mix::IQ2_XXS, Mix::IQ2_XS, Mix::IQ3_XXS, Mix::IQ1_S, Mix::IQ2_S, Mix::IQ2_M, Mix::IQ1_M})) {
    return TensorType::Q5_K;
  }
  return base() == TensorType::Q8_0 ? TensorType::Q8_0 : TensorType::Q6_K;
}

TensorType TypeRules::token_embedding() const {
  if (is_any({Mix::IQ2_XXS, Mix::IQ2_XS, Mix::IQ1_S, Mix::IQ1_M})) return TensorType::Q2_K;
  if (is_any({Mix::IQ2_S, Mix::IQ2_M, Mix::IQ3_XXS})) return TensorType::IQ3_S;
  if (is_any({Mix::TQ1_0, Mix::TQ2_0, Mix::Q2_0})) return TensorType::Q4_K;
  return base();
}

TensorType TypeRules::few_bits(std::string_view name) {
  const bool is_larger = is_any({Mix::IQ2_S, Mix::IQ2_M});
  const TensorType more = is_larger ? TensorType::IQ3_S : TensorType::Q2_K;
  if (is_attn_v(name)) {
    ++n_attn_v_;
    return facts_.n_gqa >= 4 || facts_.n_expert >= 4 ? TensorType::Q4_K : more;
  }
  if (facts_.n_expert == 8 && contains(name, "attn_k.weight")) return TensorType::Q4_K;
  if (contains(name, "attn_output.weight")) {
    if (facts_.n_expert == 8) return TensorType::Q5_K;
    if (is_any({Mix::IQ1_S, Mix::IQ1_M})) return TensorType::IQ2_XXS;
    return is_larger ? TensorType::IQ3_S : base();
  }
  if (contains(name, "ffn_down")) return n_ffn_down_++ < facts_.n_layer / 8 ? more : base();
  return base();
}

TensorType TypeRules::attn_v() {
  const int64_t count = n_attn_v_++;
  if (facts_.n_expert == 8) return TensorType::Q8_0;
  const bool shared = facts_.n_gqa >= 4;
  const Place at{count, facts_.n_attn_v};
  TensorType type = base();
  if (mix_ == Mix::Q2_K) type = shared ? TensorType::Q4_K : TensorType::Q3_K;
  if (mix_ == Mix::Q2_K_S && shared) type = TensorType::Q4_K;
  if (mix_ == Mix::IQ3_XXS) {
    type = shared ? TensorType::Q4_K : facts_.has_importance ? TensorType::IQ3_XXS : TensorType::IQ3_S;
  }
  if (is_any({Mix::IQ3_XS, Mix::IQ3_S}) && shared) type = TensorType::Q4_K;
  if (mix_ == Mix::IQ3_M) type = TensorType::Q4_K;
  if (mix_ == Mix::Q3_K_M) type = count < 2 ? TensorType::Q5_K : TensorType::Q4_K;
  if (mix_ == Mix::Q3_K_L) type = TensorType::Q5_K;
  if (is_any({Mix::IQ4_NL, Mix::IQ4_XS}) && shared) type = TensorType::Q5_K;
  if (is_any({Mix::Q4_K_M, Mix::Q5_K_M}) && at.needs_more_bits()) type = TensorType::Q6_K;
  if (mix_ == Mix::Q4_K_S && count < 4) type = TensorType::Q5_K;
  if (facts_.is_70b && (type == TensorType::Q3_K || type == TensorType::Q4_K)) type = TensorType::Q5_K;
  return type;
}

TensorType TypeRules::attn_k() const {
  return facts_.n_expert == 8 ? TensorType::Q8_0 : attn_q();
}

TensorType TypeRules::attn_q() const {
  if (mix_ == Mix::IQ3_XS) return TensorType::IQ3_XXS;
  return mix_ == Mix::IQ3_XXS ? TensorType::IQ2_S : base();
}

TensorType TypeRules::ffn_down(std::string_view name) {
  const Place at = place(name, n_ffn_down_++);
  const bool is_falcon = facts_.architecture == kFalcon;
  const bool more = at.needs_more_bits();
  switch (mix_) {
    case Mix::Q2_K:
      return TensorType::Q3_K;
    case Mix::Q2_K_S:
      return at.in_first(8) ? TensorType::Q4_K : base();
    case Mix::IQ3_XXS:
      if (facts_.has_importance) return base();
      return at.in_first(8) ? TensorType::Q4_K : TensorType::Q3_K;
    case Mix::Q3_K_M:
      if (at.in_first(16)) return TensorType::Q5_K;
      return !is_falcon || more ? TensorType::Q4_K : TensorType::Q3_K;
    case Mix::IQ3_M:
      return at.in_first(8) || (facts_.n_expert == 8 && more) ? TensorType::Q4_K : base();
    case Mix::Q3_K_L:
      return is_falcon ? TensorType::Q4_K : TensorType::Q5_K;
    case Mix::Q4_K_M:
      if (is_falcon) return at.in_first(16) ? TensorType::Q6_K : more ? TensorType::Q5_K : TensorType::Q4_K;
      return more ? TensorType::Q6_K : base();
    case Mix::IQ4_NL:
    case Mix::IQ4_XS:
      return at.in_first(8) && !facts_.has_importance ? TensorType::Q5_K : base();
    case Mix::Q5_K_M:
      return more ? TensorType::Q6_K : base();
    case Mix::Q4_K_S:
      return !is_falcon && at.in_first(8) ? TensorType::Q5_K : base();
    // A few outliers there spoil types without an offset.
    case Mix::Q4_0:
      return facts_.has_importance && at.in_first(8) ? TensorType::Q4_1 : base();
    case Mix::Q5_0:
      return facts_.has_importance && at.in_first(8) ? TensorType::Q5_1 : base();
    default:
      return base();
  }
}

TensorType TypeRules::attn_output() const {
  if (facts_.architecture == kFalcon) return mix_ == Mix::Q3_K_L ? TensorType::Q4_K : base();
  if (facts_.n_expert == 8) {
    return is_any({Mix::Q2_K, Mix::IQ3_XS, Mix::IQ3_XXS, Mix::Q3_K_S, Mix::Q3_K_M, Mix::IQ4_NL, Mix::Q4_K_S,
                   Mix::Q4_K_M, Mix::IQ3_S, Mix::IQ3_M, Mix::IQ4_XS})
               ? TensorType::Q5_K
               : base();
  }
  if (mix_ == Mix::Q2_K) return TensorType::Q3_K;
  if (mix_ == Mix::IQ3_XXS) return TensorType::IQ3_S;
  if (is_any({Mix::Q3_K_M, Mix::IQ3_M})) return TensorType::Q4_K;
  return mix_ == Mix::Q3_K_L ? TensorType::Q5_K : base();
}

TensorType TypeRules::ffn_gate_or_up(std::string_view name, int64_t& count) {
  const Place at = place(name, count++);
  const bool in_between = at.layer >= at.n_layers / 8 && at.layer < 7 * at.n_layers / 8;
  return mix_ == Mix::IQ3_XS && in_between ? TensorType::IQ3_XXS : base();
}

TensorType TypeRules::next(const gguf::Tensor& tensor) {
  const std::string_view name = tensor.name;
  const bool is_output = name == "output.weight";
  if (facts_.architecture == kGlm5Next &&
      (contains(name, "attn_q_a") || contains(name, "attn_q_b") || contains(name, "nextn.eh_proj"))) {
    return TensorType::Q8_0;
  }
  // A table that serves as the output too counts as the output.
  if (is_output || (!facts_.has_output && is_token_embedding(name))) return output(tensor);
  const bool is_ffn = contains(name, "ffn_up") || contains(name, "ffn_gate") || contains(name, "ffn_down");
  if (mix_ == Mix::MXFP4_MOE) {
    const bool is_expert = tensor.dims[2] > 1 && (facts_.architecture != kBailingMoe3 || is_ffn);
    return is_expert ? TensorType::MXFP4 : TensorType::Q8_0;
  }
  if (is_token_embedding(name)) return token_embedding();
  if (is_any({Mix::IQ2_XXS, Mix::IQ2_XS, Mix::IQ1_S, Mix::IQ2_S, Mix::IQ2_M, Mix::IQ1_M})) return few_bits(name);
  if (is_attn_v(name)) return attn_v();
  if (contains(name, "attn_k.weight")) return attn_k();
  if (contains(name, "attn_q.weight")) return attn_q();
  if (contains(name, "attn_output.weight")) return attn_output();
  if (contains(name, "ffn_up")) return ffn_gate_or_up(name, n_ffn_up_);
  if (contains(name, "ffn_gate")) return ffn_gate_or_up(name, n_ffn_gate_);
  if (contains(name, "ffn_down")) return ffn_down(name);
  return base();
}

TensorType fitting_type(TensorType wanted, uint64_t n_per_row) {
  const auto divides = [&](TensorType type) { return n_per_row % quant::traits(type).block_elements == 0; };
  if (divides(wanted)) return wanted;
  TensorType smaller = wanted;
  switch (wanted) {
    case TensorType::IQ1_S:
    case TensorType::IQ1_M:
    case TensorType::IQ2_XXS:
    case TensorType::IQ2_XS:
    case TensorType::IQ2_S:
    case TensorType::IQ3_XXS:
    case TensorType::IQ3_S:
    case TensorType::IQ4_XS:
      smaller = TensorType::IQ4_NL;
      break;
    case TensorType::Q1_0:
    case TensorType::Q2_0:
    case TensorType::NVFP4:
    case TensorType::Q2_K:
    case TensorType::Q3_K:
    case TensorType::TQ1_0:
    case TensorType::TQ2_0:
      smaller = TensorType::Q4_0;
      break;
    case TensorType::Q4_K:
      smaller = TensorType::Q5_0;
      break;
    case TensorType::Q5_K:
      smaller = TensorType::Q5_1;
      break;
    case TensorType::Q6_K:
      smaller = TensorType::Q8_0;
      break;
    default:
      break;
  }
  return divides(smaller) ? smaller : TensorType::F16;
}

}  // namespace quipu::tools
