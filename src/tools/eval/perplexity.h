// How well a model predicts a text, and how far it is from another model's saved predictions.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "tools/eval/logits_file.h"
#include "tools/eval/statistics.h"

namespace quipu::tools {

struct PerplexityResult {
  Mean nll;  // -log p of the predicted tokens, in nats

  // exp of the mean, with the error that the mean's error makes.
  [[nodiscard]] double perplexity() const { return std::exp(nll.mean()); }
  [[nodiscard]] double perplexity_error() const { return perplexity() * nll.error(); }
};

struct DivergenceResult {
  PerplexityResult ours, base;
  Mean log_ratio;                // log p_base - log p_ours of the tokens: the mean is log(perplexity / base perplexity)
  Mean abs_difference;           // its absolute value
  Mean kl;                       // KL(base || ours) in nats
  Mean same_top;                 // 1 where both find the same token likeliest
  Mean squared_difference;       // of the tokens' probabilities
  std::vector<float> kl_values;  // sorted
};

// After each piece: how many of how many are done.
using EvalProgress = std::function<void(uint32_t done, uint32_t of)>;

// The shape of an evaluation: as many whole pieces of n_ctx tokens as the text has, at most `most_pieces` if not 0.
// Error: a text of less than one piece.
Result<LogitsShape> shape_of(const engine::Model& model, size_t n_tokens, uint32_t n_ctx, uint32_t most_pieces);

// The method of llama-perplexity: every piece is read by itself, its first token replaced by BOS if the model's texts
// begin with one, and the second half counts. `engine` needs a context of shape.n_ctx. `save` gets every row.
Result<PerplexityResult> perplexity(engine::Engine& engine, std::span<const engine::Token> tokens,
                                    const LogitsShape& shape, LogitsWriter* save, const EvalProgress& progress,
                                    const std::stop_token& stop = {});

// The same text as in the file. Errors: another vocabulary.
Result<DivergenceResult> divergence(engine::Engine& engine, const LogitsFile& base, const EvalProgress& progress,
                                    const std::stop_token& stop = {});

}  // namespace quipu::tools
