// Measures on a text how much each column of a model's matrices matters: the mean square of what it is multiplied with.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "model/ops.h"
#include "tools/imatrix/importance_sums.h"

namespace quipu::tools {

// Adds up the squares of what a model's linear layers are given: those of its blocks, and the output's if asked to.
class ImportanceCollector final : public model::LinearObserver {
 public:
  // `sums` outlives it.
  ImportanceCollector(ImportanceSums& sums, bool with_output) : sums_(sums), with_output_(with_output) {}
  void on_linear(model::Rows x, std::span<const model::Linear* const> layers) override;

 private:
  ImportanceSums& sums_;
  bool with_output_;
  std::vector<double> squares_;
};

struct ImatrixText {
  std::span<const engine::Token> tokens;
  uint32_t n_piece = 512;    // tokens of a piece, each of which is read by itself
  uint32_t first_piece = 0;  // those before are left out
  uint32_t most_pieces = 0;  // 0: all that follow
};

// After each piece, which counts already: how many of how many are done. An error ends the run and is returned.
using ImatrixProgress = std::function<Status(uint32_t done, uint32_t of)>;

// The method of llama-imatrix: reads every whole piece of the text, its first token replaced by BOS if the model's
// texts begin with one. `engine` has a context of text.n_piece and was made with a collector on `sums`; with `logits`
// it computes the output layer, too. Error: a text without a whole piece.
Status collect_importances(engine::Engine& engine, const ImatrixText& text, bool logits, ImportanceSums& sums,
                           const ImatrixProgress& progress);

}  // namespace quipu::tools
