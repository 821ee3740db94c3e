// Writes a model with other tensor types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/result.h"
#include "base/thread_pool.h"
#include "gguf/gguf.h"
#include "tools/quantize/plan.h"

namespace quipu::tools {

struct QuantizeRequest {
  std::filesystem::path out;
  std::optional<Mix> mix;                  // for general.file_type; nothing: as it was
  const Importance* importance = nullptr;  // for the metadata that name it
  bool keep_split = false;                 // as many files as the model has parts, named OUT-00001-of-0000N.gguf
};

// How many of how many weights are done; false asks to stop.
using QuantizeProgress = std::function<bool(uint64_t done, uint64_t of)>;

// The files appear whole when all is done, or not at all. Errors: a tensor with numbers that are not finite (named),
// cancelled, io. Needs memory for some rows at a time.
Status quantize(const gguf::File& file, const Plan& plan, const QuantizeRequest& request, ThreadPool& pool,
                const QuantizeProgress& progress);

}  // namespace quipu::tools
