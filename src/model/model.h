// A model family: its weights, and the recipe of its forward pass. Recipe for a new one: docs/adding-a-family.md.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "gguf/gguf.h"
#include "model/hyperparameters.h"
#include "model/ops.h"

namespace quipu::model {

// Immutable after loading; may be used from any thread. The weights stay in the mapped file.
class Model {
 public:
  virtual ~Model() = default;
  [[nodiscard]] virtual const Hyperparameters& hyperparameters() const = 0;
  // Final hidden states, after the last norm: [batch.output_rows.size(), n_embd]. Stores the batch's keys and values in
  // their sequences' caches.
  virtual Rows forward(const Batch& batch, Ops& ops) const = 0;
  // Logits [hidden.n_rows, n_vocab] of some of them.
  virtual Rows logits(Rows hidden, Ops& ops) const = 0;
};

// A family's name in general.architecture, and its loader.
struct Family {
  std::string_view architecture;
  Result<std::unique_ptr<Model>> (*load)(const gguf::File& file, Hyperparameters hyperparameters);
};
std::span<const Family> families();

// Errors: an unknown family (the message names the known ones), missing tensors, wrong shapes.
Result<std::unique_ptr<Model>> load(const gguf::File& file);

}  // namespace quipu::model
