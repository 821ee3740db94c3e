// What an opened File holds, and the parts that it is made from.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gguf/directory.h"
#include "gguf/gguf.h"

namespace quipu::gguf {

// What a part says of itself and the others.
struct Split {
  uint32_t number = 0, count = 1;     // number counts from 0
  std::optional<uint64_t> n_tensors;  // of all parts together
};

struct Part {
  Directory directory;
  Split split;
};

// Never changes after opening.
struct File::State {
  std::vector<Source> parts;
  Directory directory;            // of the first part; its tensors were moved to `tensors`
  std::vector<Tensor> tensors;    // of all parts
  std::vector<uint32_t> by_name;  // indices into tensors, sorted by name
  uint64_t total_bytes = 0;
};

}  // namespace quipu::gguf
