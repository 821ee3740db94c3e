#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/bench/bench.h"
#include "tools/bench/limits.h"
#include "tools/bench/loops.h"
#include "tools/bench/report.h"

namespace quipu::tools {
namespace {

BenchResult result_of(BenchKind kind, uint32_t n_tokens, std::vector<double> rates) {
  return {{kind, n_tokens, 0, 1}, 2, std::move(rates)};
}

Limits limits_of(double gb_per_s, double tera) {
  Limits limits;
  limits.n_threads = 2;
  limits.reads = {{"slow", gb_per_s / 2}, {"a \"loop\"", gb_per_s}};
  limits.peaks = {{"fast", tera}, {"slow", tera / 4}};
  return limits;
}

BenchReport report() {
  BenchReport report;
  report.model_file = "m,\"1\".gguf";
  report.model_name = "bytes \xff";
  report.cost = {.weight_bytes = 100'000'000, .operations = 200'000'000};
  report.results = {result_of(BenchKind::prompt, 512, {1000, 900, 1100}),
                    result_of(BenchKind::generation, 64, {99, 100, 110, 100})};
  report.limits = {limits_of(20, 0.8)};
  return report;
}

TEST(BenchResult, MeasuresOfItsFigures) {
  const BenchResult result = result_of(BenchKind::prompt, 1, {2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_DOUBLE_EQ(result.mean(), 5);
  EXPECT_DOUBLE_EQ(result.median(), 4.5);
  EXPECT_DOUBLE_EQ(result.best(), 9);
  EXPECT_DOUBLE_EQ(result.standard_deviation(), std::sqrt(32.0 / 7));
  EXPECT_EQ(result_of(BenchKind::prompt, 1, {3}).standard_deviation(), 0);
  EXPECT_EQ(result_of(BenchKind::prompt, 1, {3}).median(), 3);
}

TEST(LocalScore, IsThePublishedFormula) {
  // 1000 tokens/s, 100 tokens/s, 512 ms to the first token: 10 * cbrt(1000 * 100 * 1000 / 512).
  const auto score = local_score(report().results);
  ASSERT_TRUE(score);
  EXPECT_NEAR(std::pow(*score / 10, 3), 1000.0 * 100 * 1000 / 512, 1e-3);
  EXPECT_FALSE(local_score({result_of(BenchKind::prompt, 512, {1})}));
}

TEST(BenchReport, SharesOfTheLimit) {
  BenchReport r = report();
  EXPECT_DOUBLE_EQ(r.tera_operations_per_s(r.results[0]), 0.2);
  EXPECT_DOUBLE_EQ(r.gb_per_s(r.results[1]), 10);
  EXPECT_DOUBLE_EQ(r.share_of_limit(r.results[0]).value(), 0.25);
  EXPECT_DOUBLE_EQ(r.share_of_limit(r.results[1]).value(), 0.5);
  r.results[0].n_threads = 1;
  EXPECT_FALSE(r.share_of_limit(r.results[0]));
  EXPECT_NE(bench_table(report()).find("10.0 GB/s = 50 %"), std::string::npos);
  r.results[1].what.n_sequences = 4;
  EXPECT_DOUBLE_EQ(r.gb_per_s(r.results[1]), 2.5);
}

TEST(BenchReport, JsonAndCsvSurviveAnyName) {
  const auto json = nlohmann::json::parse(bench_json(report()), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["results"][1]["median"], 100.0);
  EXPECT_EQ(json["results"][1]["share_of_limit"], 0.5);
  EXPECT_EQ(json["limits"][0]["read_gb_per_s"], 20.0);
  EXPECT_EQ(json["limits"][0]["peak_tera_operations_per_s"], 0.8);
  EXPECT_NE(bench_csv(report()).find("\"m,\"\"1\"\".gguf\",prompt,512,0,1,2,3,1000.000"), std::string::npos);
  EXPECT_NE(limits_csv(report().limits).find("2,\"a \"\"loop\"\"\",20.000,\n"), std::string::npos);
}

// A loop that read less than it was given would report more than the memory can do.
TEST(ReadLoops, ReadEveryByteOnce) {
  constexpr size_t kWords = 2 * kReadUnit / sizeof(uint64_t);
  std::vector<uint64_t> buffer(kWords + 8);
  size_t skip = 0;
  while (reinterpret_cast<uintptr_t>(&buffer[skip]) % 64 != 0) ++skip;
  uint64_t all = 0, state = 88172645463325252;
  for (size_t i = 0; i < kWords; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;  // Marsaglia's xorshift64
    buffer[skip + i] = state;
    all ^= state;
  }
  const AvailableLoops available = available_loops();
  size_t n_loops = 0;
  for (size_t t = 0; t < available.n; ++t) {
    for (const ReadLoop& loop : available.tables[t].reads) {
      EXPECT_EQ(loop.read(reinterpret_cast<const std::byte*>(&buffer[skip]), 2 * kReadUnit), all) << loop.name;
      ++n_loops;
    }
  }
  EXPECT_GT(n_loops, 0U);
}

TEST(PeakLoops, TakeLongerForMoreRounds) {
  const AvailableLoops available = available_loops();
  for (size_t t = 0; t < available.n; ++t) {
    for (const PeakLoop& loop : available.tables[t].peaks) {
      const auto seconds = [&](uint64_t rounds) {
        double best = 1e9;
        for (int i = 0; i < 5; ++i) {
          const auto start = std::chrono::steady_clock::now();
          loop.run(rounds);
          best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        }
        return best;
      };
      // An optimised-away loop would take no time for either; the bound leaves room for a busy machine.
      EXPECT_GT(seconds(2'000'000), 3 * seconds(200'000)) << loop.name;
    }
  }
}

}  // namespace
}  // namespace quipu::tools
