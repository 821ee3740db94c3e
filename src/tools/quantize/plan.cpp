#include "tools/quantize/plan.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "grammar/fsa.h"
#include "grammar/json_text.h"
#include "tools/quantize/type_rules.h"

namespace quipu::tools {
namespace {

using quant::TensorType;

bool is_quantized(TensorType type) {
  return quant::traits(type).block_elements > 1;
}

// Types of so few bits that only known importances save the result.
bool needs_importance(std::string_view name, TensorType type, Mix mix) {
  if (is_token_embedding(name) || name == "output.weight") return false;
  switch (type) {
    case TensorType::IQ3_XXS:
    case TensorType::IQ2_XXS:
    case TensorType::IQ2_XS:
    case TensorType::IQ2_S:
    case TensorType::IQ1_M:
    case TensorType::IQ1_S:
      return true;
    case TensorType::Q2_K:
      return mix == Mix::Q2_K_S;
    default:
      return false;
  }
}

struct CompiledOverride {
  grammar::Fsa names;  // in their form in JSON strings
  TensorType type;
};

Result<std::vector<CompiledOverride>> compile(const std::vector<TypeOverride>& overrides) {
  std::vector<CompiledOverride> compiled;
  for (const TypeOverride& override : overrides) {
    auto names = grammar::strings_matching(override.pattern);
    if (!names.ok()) return names.error().within(fmt::format("'{}' is no regular expression", override.pattern));
    compiled.push_back({std::move(*names), override.type});
  }
  return compiled;
}

std::optional<TensorType> overridden(const std::vector<CompiledOverride>& overrides, const std::string& name) {
  for (const CompiledOverride& override : overrides) {
    if (grammar::accepts(override.names, grammar::json_escaped(name))) return override.type;
  }
  return {};
}

class Planner {
 public:
  Planner(const PlanOptions& options, const MixFacts& facts, std::vector<CompiledOverride> overrides)
      : options_(options), facts_(facts), overrides_(std::move(overrides)), rules_(*options.mix, facts) {}

  Status decide(PlannedTensor& planned) {
    const gguf::Tensor& tensor = *planned.tensor;
    if (!is_quantizable(tensor, facts_) || (options_.leave_output && tensor.name == "output.weight")) return {};
    const auto forced = overridden(overrides_, tensor.name);
    const bool is_embedding = is_token_embedding(tensor.name);
    TensorType wanted = mix_traits(*options_.mix).type;
    // Only the rules know that the table is the output too.
    const bool is_tied = is_embedding && !facts_.has_output && is_quantized(wanted) && !options_.pure && !forced;
    if (options_.token_embedding_type && is_embedding && !(tensor.name == "per_layer_token_embd.weight" && forced)) {
      return set_exactly(planned, *options_.token_embedding_type);
    }
    if (options_.output_type && (tensor.name == "output.weight" || is_tied)) {
      return set_exactly(planned, *options_.output_type);
    }
    if (is_quantized(wanted)) {
      if (forced) {
        wanted = *forced;
      } else if (!options_.pure) {
        wanted = rules_.next(tensor);
      }
    }
    planned.type = fitting_type(wanted, tensor.dims[0]);
    planned.fell_back = planned.type != wanted;
    planned.needs_importance = needs_importance(tensor.name, planned.type, *options_.mix);
    return {};
  }

 private:
  static Status set_exactly(PlannedTensor& planned, TensorType type) {
    const uint32_t block = quant::traits(type).block_elements;
    if (planned.tensor->dims[0] % block != 0) {
      return invalid_input("tensor '{}' can't be {}: its rows of {} numbers do not divide into blocks of {}",
                           planned.tensor->name, quant::traits(type).name, planned.tensor->dims[0], block);
    }
    planned.type = type;
    return {};
  }

  const PlanOptions& options_;
  const MixFacts& facts_;
  std::vector<CompiledOverride> overrides_;
  TypeRules rules_;
};

Status check(const PlannedTensor& planned, const PlanOptions& options, bool has_importance) {
  const gguf::Tensor& tensor = *planned.tensor;
  if (planned.type == tensor.type) return {};
  if (is_quantized(tensor.type) && !options.allow_requantize) {
    return invalid_input(
        "tensor '{}' is quantised already ({}), and quantising it again loses more than starting from 16 or 32 bits: "
        "say --allow-requantize if that is what you want",
        tensor.name, quant::traits(tensor.type).name);
  }
  if (planned.needs_importance && planned.importance.empty() && !options.without_importance) {
    return invalid_input(
        "tensor '{}' would become {}, which is poor without {}: give {} (or --without-imatrix to do it all the same)",
        tensor.name, quant::traits(planned.type).name,
        has_importance ? "its importances, which the file lacks" : "importances",
        has_importance ? "a file that has them" : "--imatrix FILE");
  }
  return {};
}

}  // namespace

Result<quant::TensorType> parse_weight_type(std::string_view name) {
  const quant::TypeTraits* type = quant::find_type(name);
  if (type == nullptr) return invalid_input("'{}' is no tensor type", name);
  if (type->encode == nullptr || type->type == TensorType::Q8_K) {
    return invalid_input("{} is no type for weights", type->name);
  }
  return type->type;
}

Result<TypeOverride> parse_type_override(std::string_view text) {
  const size_t at = text.rfind('=');
  if (at == text.npos || at == 0) return invalid_input("'{}' is not of the form PATTERN=TYPE", text);
  QUIPU_TRY(const auto type, parse_weight_type(text.substr(at + 1)));
  return TypeOverride{std::string(text.substr(0, at)), type};
}

uint64_t PlannedTensor::bytes() const {
  const auto of_row = quant::row_bytes(type, tensor->dims[0]);
  QUIPU_CHECK(of_row.has_value());
  return *of_row * (tensor->n_elements() / tensor->dims[0]);
}

Result<Plan> make_plan(const gguf::File& file, const PlanOptions& options, const Importance* importance) {
  Plan plan;
  for (const gguf::Tensor& tensor : file.tensors()) plan.tensors.push_back({&tensor, tensor.type, false, false, {}});
  if (options.mix) {
    QUIPU_TRY(MixFacts facts, mix_facts(file));
    facts.has_importance = importance != nullptr;
    QUIPU_TRY(auto overrides, compile(options.overrides));
    std::vector<size_t> order(plan.tensors.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::sort(order, comes_before,
                      [&](size_t i) -> const std::string& { return plan.tensors[i].tensor->name; });
    Planner planner(options, facts, std::move(overrides));
    for (const size_t i : order) QUIPU_CHECK_OK(planner.decide(plan.tensors[i]));
  }
  for (PlannedTensor& planned : plan.tensors) {
    if (importance != nullptr && planned.type != planned.tensor->type) {
      QUIPU_TRY(planned.importance, importance->of(*planned.tensor));
    }
    QUIPU_CHECK_OK(check(planned, options, importance != nullptr));
    plan.bytes_before += planned.tensor->data.size();
    plan.bytes_after += planned.bytes();
    plan.n_weights += planned.tensor->n_elements();
    plan.n_fell_back += planned.fell_back ? 1 : 0;
  }
  return plan;
}

}  // namespace quipu::tools
