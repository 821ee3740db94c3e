// Figures of `quipu bench` as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/limits.h"

namespace quipu::tools {

struct BenchReport {
  std::string model_file, model_name, version, cpu, isa;
  uint64_t model_bytes = 0;
  TokenCost cost;
  std::vector<BenchResult> results;
  std::vector<Limits> limits;  // one for each number of threads, or none

  // Of generation: weights read per second, once for all sequences, 10^9 bytes. Of prompts: 10^12 products and sums
  // with weights per second.
  [[nodiscard]] double gb_per_s(const BenchResult& result) const;
  [[nodiscard]] double tera_operations_per_s(const BenchResult& result) const;
  // What of the machine's limit that is, from 0 to 1; nothing if the limits for its threads were not measured.
  [[nodiscard]] std::optional<double> share_of_limit(const BenchResult& result) const;
};

// Markdown, which reads well in a terminal too.
std::string bench_table(const BenchReport& report);
// One object; docs/formats/bench.md.
std::string bench_json(const BenchReport& report);
// A header line and a line per result.
std::string bench_csv(const BenchReport& report);
// The machine's limits alone.
std::string limits_table(const std::vector<Limits>& limits);
std::string limits_json(const std::vector<Limits>& limits);
std::string limits_csv(const std::vector<Limits>& limits);

}  // namespace quipu::tools
