// What becomes of each tensor of a model when it is quantised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "tools/quantize/importance.h"
#include "tools/quantize/mix.h"

namespace quipu::tools {

// Tensors whose name contains a match of the pattern (ECMAScript) get the type.
struct TypeOverride {
  std::string pattern;
  quant::TensorType type = quant::TensorType::F32;
};
// "PATTERN=TYPE". Errors: no '=', no such type, or one that can't be written.
Result<TypeOverride> parse_type_override(std::string_view text);
// A type that an encoder makes and kernels read as weights.
Result<quant::TensorType> parse_weight_type(std::string_view name);

struct PlanOptions {
  std::optional<Mix> mix;  // nothing: copy all tensors
  bool pure = false;       // the mix's main type for all
  bool leave_output = false;
  bool allow_requantize = false;
  bool without_importance = false;  // even where the result will be poor
  std::optional<quant::TensorType> output_type, token_embedding_type;
  std::vector<TypeOverride> overrides;  // the first that matches counts
};

struct PlannedTensor {
  const gguf::Tensor* tensor = nullptr;
  quant::TensorType type = quant::TensorType::F32;
  bool fell_back = false;             // its rows do not divide into blocks of the type that it should have
  bool needs_importance = false;      // without them the type's result is poor
  std::span<const float> importance;  // [dims[2]][dims[0]], or empty

  [[nodiscard]] uint64_t bytes() const;
};

struct Plan {
  std::vector<PlannedTensor> tensors;  // in the order of the file
  uint64_t bytes_before = 0, bytes_after = 0, n_weights = 0;
  size_t n_fell_back = 0;
};

// `importance` may be null; it and `file` must outlive the plan. Errors: a pattern that is no regular expression, types
// that do not fit a tensor's shape, quantised tensors that would change (without allow_requantize), missing
// importances.
Result<Plan> make_plan(const gguf::File& file, const PlanOptions& options, const Importance* importance);

}  // namespace quipu::tools
