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

using Tokens = std::vector<engine::Token>;

Tokens random_tokens(Random& random, size_t n, uint32_t n_vocab) {
  Tokens tokens(n);
  for (auto& token : tokens) token = static_cast<engine::Token>(random.uniform() * n_vocab);
  return tokens;
}

struct Stream {
  engine::Sequence sequence;
  Tokens tokens;
};

// tokens[begin .. begin + n) of every stream in one step.
Status append(engine::Engine& engine, std::vector<Stream>& streams, size_t begin, size_t n,
              const std::stop_token& stop) {
  std::vector<engine::Work> works;
  for (Stream& stream : streams) {
    works.push_back({&stream.sequence, std::span(stream.tokens).subspan(begin, n), engine::Work::Logits::last});
  }
  return engine.decode(
      works, [](size_t, size_t, std::span<const float>) {}, stop);
}

// Tokens per second of the case, behind what the sequences hold.
Result<double> run_once(engine::Engine& engine, std::vector<Stream>& streams, const BenchCase& what,
                        const std::stop_token& stop) {
  const size_t n_at_once = what.kind == BenchKind::prompt ? what.n_tokens : 1;
  const auto start = std::chrono::steady_clock::now();
  for (size_t begin = 0; begin < what.n_tokens; begin += n_at_once) {
    QUIPU_CHECK_OK(append(engine, streams, begin, n_at_once, stop));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(what.n_tokens) * what.n_sequences / seconds.count();
}

// Sequences that share `depth` random tokens.
Result<std::vector<Stream>> streams_of(engine::Engine& engine, const BenchCase& what, Random& random,
                                       const std::stop_token& stop) {
  std::vector<Stream> streams;
  streams.push_back({engine.new_sequence(), {}});
  if (what.depth > 0) {
    streams[0].tokens = random_tokens(random, what.depth, engine.model().hyperparameters().n_vocab);
    QUIPU_CHECK_OK(append(engine, streams, 0, what.depth, stop));
  }
  while (streams.size() < what.n_sequences) streams.push_back({streams[0].sequence.fork(), {}});
  return streams;
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
  QUIPU_TRY(auto streams, streams_of(engine, what, random, stop));

  BenchResult result{what, engine.n_threads(), {}};
  // The first round touches the weights and grows the buffers.
  for (int round = -1; round < n_repetitions; ++round) {
    if (progress) progress(what, std::max(round, 0), n_repetitions);
    for (Stream& stream : streams) stream.tokens = random_tokens(random, what.n_tokens, n_vocab);
    QUIPU_TRY(const double rate, run_once(engine, streams, what, stop));
    if (round >= 0) result.tokens_per_s.push_back(rate);
    for (Stream& stream : streams) stream.sequence.truncate(what.depth);
  }
  return result;
}

std::optional<double> local_score(const std::vector<BenchResult>& results) {
  const auto find = [&](BenchKind kind) {
    return std::find_if(results.begin(), results.end(),
                        [&](const auto& r) { return r.what.kind == kind && r.what.n_sequences == 1; });
  };
  const auto prompt = find(BenchKind::prompt), generation = find(BenchKind::generation);
  if (prompt == results.end() || generation == results.end()) return {};
  const double first_token_ms = 1000.0 * prompt->what.n_tokens / prompt->median();
  return 10.0 * std::cbrt(prompt->median() * generation->median() * 1000.0 / first_token_ms);
}

}  // namespace quipu::tools
