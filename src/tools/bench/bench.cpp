#include "tools/bench/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "quant/types.h"

namespace quipu::tools {
namespace {

constexpr uint64_t kSeed = 20240229;  // any: the tokens must only differ, and be the same in every run

std::vector<engine::Token> random_tokens(Random& random, size_t n, uint32_t n_vocab) {
  std::vector<engine::Token> tokens(n);
  for (auto& token : tokens) token = static_cast<engine::Token>(random.uniform() * n_vocab);
  return tokens;
}

Status append(engine::Engine& engine, engine::Sequence& sequence, std::span<const engine::Token> tokens,
              const std::stop_token& stop) {
  const engine::Work work{&sequence, tokens, engine::Work::Logits::last};
  return engine.decode(
      {&work, 1}, [](size_t, size_t, std::span<const float>) {}, stop);
}

// Tokens per second of the case, behind what the sequence holds.
Result<double> run_once(engine::Engine& engine, engine::Sequence& sequence, const BenchCase& what,
                        const std::vector<engine::Token>& tokens, const std::stop_token& stop) {
  const auto start = std::chrono::steady_clock::now();
  if (what.kind == BenchKind::prompt) {
    QUIPU_CHECK_OK(append(engine, sequence, tokens, stop));
  } else {
    for (const auto& token : tokens) QUIPU_CHECK_OK(append(engine, sequence, {&token, 1}, stop));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(tokens.size()) / seconds.count();
}

}  // namespace

std::string_view bench_kind_name(BenchKind kind) {
  return kind == BenchKind::prompt ? "prompt" : "generation";
}

TokenCost token_cost(const engine::Model& model) {
  const gguf::File& file = model.file();
  const bool own_output = file.find_tensor("output.weight") != nullptr;
  TokenCost cost;
  for (const gguf::Tensor& tensor : file.tensors()) {
    // A table of embeddings is looked up, unless it is the output's matrix too.
    if (tensor.name == "token_embd.weight" && own_output) continue;
    cost.weight_bytes += tensor.data.size();
    if (tensor.n_dims >= 2) cost.operations += 2 * tensor.n_elements();
  }
  return cost;
}

double BenchResult::mean() const {
  return std::accumulate(tokens_per_s.begin(), tokens_per_s.end(), 0.0) / static_cast<double>(tokens_per_s.size());
}

double BenchResult::median() const {
  std::vector<double> sorted = tokens_per_s;
  std::sort(sorted.begin(), sorted.end());
  const size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double BenchResult::best() const {
  return *std::max_element(tokens_per_s.begin(), tokens_per_s.end());
}

double BenchResult::standard_deviation() const {
  if (tokens_per_s.size() < 2) return 0.0;
  const double center = mean();
  double sum = 0.0;
  for (const double rate : tokens_per_s) sum += (rate - center) * (rate - center);
  return std::sqrt(sum / static_cast<double>(tokens_per_s.size() - 1));
}

Result<BenchResult> run_bench(engine::Engine& engine, const BenchCase& what, int n_repetitions,
                              const BenchProgress& progress, const std::stop_token& stop) {
  if (uint64_t{what.n_tokens} + what.depth > engine.n_ctx()) {
    return invalid_input("{} tokens behind {} need a context of {}, but it is {}", what.n_tokens, what.depth,
                         uint64_t{what.n_tokens} + what.depth, engine.n_ctx());
  }
  const uint32_t n_vocab = engine.model().hyperparameters().n_vocab;
  Random random(kSeed);
  engine::Sequence sequence = engine.new_sequence();
  if (what.depth > 0) QUIPU_CHECK_OK(append(engine, sequence, random_tokens(random, what.depth, n_vocab), stop));

  BenchResult result{what, engine.n_threads(), {}};
  // The first round touches the weights and grows the buffers.
  for (int round = -1; round < n_repetitions; ++round) {
    if (progress) progress(what, std::max(round, 0), n_repetitions);
    const auto tokens = random_tokens(random, what.n_tokens, n_vocab);
    QUIPU_TRY(const double rate, run_once(engine, sequence, what, tokens, stop));
    if (round >= 0) result.tokens_per_s.push_back(rate);
    sequence.truncate(what.depth);
  }
  return result;
}

std::optional<double> local_score(const std::vector<BenchResult>& results) {
  const auto find = [&](BenchKind kind) {
    return std::find_if(results.begin(), results.end(), [&](const auto& r) { return r.what.kind == kind; });
  };
  const auto prompt = find(BenchKind::prompt), generation = find(BenchKind::generation);
  if (prompt == results.end() || generation == results.end()) return {};
  const double first_token_ms = 1000.0 * prompt->what.n_tokens / prompt->median();
  return 10.0 * std::cbrt(prompt->median() * generation->median() * 1000.0 / first_token_ms);
}

}  // namespace quipu::tools
