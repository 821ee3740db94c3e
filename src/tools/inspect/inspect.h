// What is in a model file, for people and for programs.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "gguf/gguf.h"
#include "model/hyperparameters.h"

namespace quipu::tools {

struct MemoryEstimate {
  uint64_t n_ctx = 0;
  uint64_t weight_bytes = 0;  // mapped: shared with other processes, and dropped when memory is short
  uint64_t kv_bytes = 0;      // of a full context
};

struct ModelReport {
  uint64_t n_parameters = 0, tensor_bytes = 0;
  std::map<std::string, uint64_t> bytes_by_type;  // tensor type to bytes
  std::optional<model::Hyperparameters> hyperparameters;
  std::string why_not;  // if there are none: why this program can't run the model
  std::optional<MemoryEstimate> memory;
  std::string license;  // of the metadata; empty: it says nothing
};

struct InspectOptions {
  uint64_t n_ctx = 8192;                            // 0: as many as the model was trained for
  uint32_t k_block_bytes = 64, v_block_bytes = 64;  // of 32 values in the KV cache
};

// Never fails: a model of an unknown family is described as far as its file goes.
ModelReport inspect(const gguf::File& file, const InspectOptions& options);

std::string report_text(const gguf::File& file, const ModelReport& report);
nlohmann::ordered_json report_json(const gguf::File& file, const ModelReport& report);

}  // namespace quipu::tools
