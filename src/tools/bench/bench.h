// How fast an engine evaluates prompts and generates, on random tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace quipu::tools {

enum class BenchKind : uint8_t { prompt, generation };
std::string_view bench_kind_name(BenchKind kind);

// `n_tokens` in one piece (prompt) or one after another (generation), behind `depth` tokens that are not timed; in each
// of `n_sequences` sequences at once.
struct BenchCase {
  BenchKind kind = BenchKind::prompt;
  uint32_t n_tokens = 512;
  uint32_t depth = 0;
  uint32_t n_sequences = 1;
};

// What one token costs, by the shapes in the model file.
struct TokenCost {
  uint64_t weight_bytes = 0;  // read once for a forward pass of any number of tokens
  uint64_t operations = 0;    // products and sums with weights, without attention
};
TokenCost token_cost(const engine::Model& model);

struct BenchResult {
  BenchCase what;
  int n_threads = 0;
  std::vector<double> tokens_per_s;  // one a repetition, of all sequences together

  [[nodiscard]] double mean() const;
  [[nodiscard]] double median() const;
  [[nodiscard]] double best() const;
  [[nodiscard]] double standard_deviation() const;  // of the sample; 0 for fewer than two
};

// `done` of `of` repetitions (a warm-up comes first and does not count).
using BenchProgress = std::function<void(const BenchCase& what, int done, int of)>;

// Errors: a case longer than the engine's context; what decode() returns, such as cancelled.
Result<BenchResult> run_bench(engine::Engine& engine, const BenchCase& what, int n_repetitions,
                              const BenchProgress& progress, const std::stop_token& stop = {});

// LocalScore (localscore.ai): 10 * cbrt(prompt tokens/s * generation tokens/s * 1000 / ms to the first token), where
// the first token comes after the prompt of the prompt case; of cases of one sequence. Nothing if either is missing.
std::optional<double> local_score(const std::vector<BenchResult>& results);

}  // namespace quipu::tools
