// quipu bench: how fast a model runs here, beside what the machine can do at best.
#include <charconv>

#include "cli/engine_setup.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "platform/platform.h"
#include "tools/bench/bench.h"
#include "tools/bench/report.h"

namespace quipu::cli {
namespace {

constexpr size_t kMaxListed = 64;
constexpr uint32_t kMaxTokens = 1U << 24;
constexpr uint32_t kMaxSequences = 1024;

// "512,1024": whole numbers up to `most`.
Result<std::vector<uint32_t>> numbers(std::string_view flag, std::string_view list, uint32_t most) {
  std::vector<uint32_t> values;
  while (true) {
    const size_t comma = std::min(list.find(','), list.size());
    uint32_t value = 0;
    const auto [end, code] = std::from_chars(list.data(), list.data() + comma, value);
    if (code != std::errc() || end != list.data() + comma || value > most) {
      return invalid_input("{}: '{}' is no whole number from 0 to {}", flag, list.substr(0, comma), most);
    }
    values.push_back(value);
    if (values.size() > kMaxListed) return invalid_input("{}: more than {} numbers", flag, kMaxListed);
    if (comma == list.size()) return values;
    list.remove_prefix(comma + 1);
  }
}

Result<std::vector<tools::BenchCase>> cases_of(const Options& options) {
  QUIPU_TRY(const auto prompts, numbers("-p", options.n_prompts, kMaxTokens));
  QUIPU_TRY(const auto generations, numbers("-n", options.n_generations, kMaxTokens));
  QUIPU_TRY(const auto depths, numbers("-d", options.depths, kMaxTokens));
  QUIPU_TRY(const auto sequence_counts, numbers("-np", options.sequence_counts, kMaxSequences));
  std::vector<tools::BenchCase> cases;
  for (const uint32_t depth : depths) {
    for (const uint32_t n_sequences : sequence_counts) {
      if (n_sequences == 0) return invalid_input("-np: 0 sequences");
      for (const uint32_t n : prompts) {
        if (n > 0) cases.push_back({tools::BenchKind::prompt, n, depth, n_sequences});
      }
      for (const uint32_t n : generations) {
        if (n > 0) cases.push_back({tools::BenchKind::generation, n, depth, n_sequences});
      }
    }
  }
  return cases;
}

Result<std::vector<tools::Limits>> measure_limits(const std::vector<uint32_t>& thread_counts) {
  ProgressLine line("the machine's limits");
  std::vector<tools::Limits> limits;
  for (const uint32_t n_threads : thread_counts) {
    line.show(limits.size(), thread_counts.size());
    ThreadPool pool(engine::n_threads_or_default(static_cast<int>(n_threads)), platform::n_physical_cores());
    QUIPU_TRY(auto measured, tools::measure_limits(pool));
    limits.push_back(std::move(measured));
  }
  return limits;
}

Result<tools::BenchReport> bench_model(const Invocation& invocation, const std::vector<tools::BenchCase>& cases,
                                       const std::vector<uint32_t>& thread_counts) {
  QUIPU_TRY(const auto model, load_model(invocation));
  tools::BenchReport report;
  report.model_file = model_name(*model);
  report.model_name = model->hyperparameters().name.empty() ? report.model_file : model->hyperparameters().name;
  report.model_bytes = model->file().total_bytes();
  report.version = QUIPU_VERSION;
  report.cpu = platform::cpu_name();
  report.cost = tools::token_cost(*model);
  uint32_t n_ctx = 1, n_sequences = 1;
  for (const auto& what : cases) {
    n_ctx = std::max(n_ctx, what.n_tokens + what.depth);
    n_sequences = std::max(n_sequences, what.n_sequences);
  }
  for (const uint32_t n_threads : thread_counts) {
    Invocation with_threads = invocation;
    with_threads.options.n_threads = static_cast<int32_t>(n_threads);
    QUIPU_TRY(const auto engine, make_engine(with_threads, model, n_ctx, n_sequences));
    report.isa = engine->isa();
    for (const auto& what : cases) {
      ProgressLine line(fmt::format("{} of {} behind {}, {} threads", tools::bench_kind_name(what.kind), what.n_tokens,
                                    what.depth, engine->n_threads()));
      const auto progress = [&](const tools::BenchCase&, int done, int of) {
        line.show(static_cast<uint64_t>(done), static_cast<uint64_t>(of));
      };
      QUIPU_TRY(auto result, tools::run_bench(*engine, what, invocation.options.n_repetitions, progress));
      report.results.push_back(std::move(result));
    }
  }
  return report;
}

}  // namespace

Result<int> run_bench(const Invocation& invocation) {
  const Options& options = invocation.options;
  QUIPU_TRY(const auto cases, cases_of(options));
  QUIPU_TRY(const auto thread_counts, numbers("-t", options.thread_counts, 1024));
  std::vector<tools::Limits> limits;
  if (options.limits || !options.no_limits) {
    QUIPU_TRY(limits, measure_limits(thread_counts));
  }
  Output out;
  const bool as_table = !options.json && !options.csv;
  if (options.limits) {
    out.write(options.json  ? tools::limits_json(limits)
              : options.csv ? tools::limits_csv(limits)
                            : tools::limits_table(limits));
    return out.finish();
  }
  std::vector<std::string> models = invocation.positional;
  if (models.empty() || !options.model.empty()) models.insert(models.begin(), options.model);
  if (as_table) out.write(tools::limits_table(limits));
  for (const std::string& path : models) {
    Invocation of_model = invocation;
    of_model.options.model = path;
    QUIPU_TRY(auto report, bench_model(of_model, cases, thread_counts));
    report.limits = limits;
    out.write(options.json  ? tools::bench_json(report)
              : options.csv ? tools::bench_csv(report)
                            : tools::bench_table(report));
    if (!out.flush()) break;
  }
  return out.finish();
}

}  // namespace quipu::cli
