#include "tools/bench/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace quipu::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string case_name(const BenchCase& what) {
  std::string name = fmt::format("{} {}", bench_kind_name(what.kind), what.n_tokens);
  if (what.n_sequences > 1) name += fmt::format(" x {}", what.n_sequences);
  if (what.depth > 0) name += fmt::format(" @ {}", what.depth);
  return name;
}

Json limits_object(const Limits& limits) {
  Json reads = Json::array(), peaks = Json::array();
  for (const auto& read : limits.reads) reads.push_back({{"loop", read.loop}, {"gb_per_s", read.gb_per_s}});
  for (const auto& peak : limits.peaks) {
    peaks.push_back({{"loop", peak.loop}, {"tera_operations_per_s", peak.tera_operations_per_s}});
  }
  return {{"n_threads", limits.n_threads},
          {"read_gb_per_s", limits.best_read().gb_per_s},
          {"peak_tera_operations_per_s", limits.best_peak().tera_operations_per_s},
          {"buffer_bytes", limits.buffer_bytes},
          {"reads", std::move(reads)},
          {"peaks", std::move(peaks)}};
}

Json limits_list(const std::vector<Limits>& limits) {
  Json list = Json::array();
  for (const Limits& of_machine : limits) list.push_back(limits_object(of_machine));
  return list;
}

// A file may carry any bytes as its name.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// RFC 4180.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

}  // namespace

double BenchReport::gb_per_s(const BenchResult& result) const {
  return static_cast<double>(cost.weight_bytes) * result.median() / result.what.n_sequences / 1e9;
}

double BenchReport::tera_operations_per_s(const BenchResult& result) const {
  return static_cast<double>(cost.operations) * result.median() / 1e12;
}

std::optional<double> BenchReport::share_of_limit(const BenchResult& result) const {
  for (const Limits& of_machine : limits) {
    if (of_machine.n_threads != result.n_threads) continue;
    return result.what.kind == BenchKind::generation
               ? gb_per_s(result) / of_machine.best_read().gb_per_s
               : tera_operations_per_s(result) / of_machine.best_peak().tera_operations_per_s;
  }
  return {};
}

std::string bench_table(const BenchReport& report) {
  std::string out =
      fmt::format("{} ({:.1f} MiB) on {} ({}), quipu {}\n\n", report.model_name,
                  static_cast<double>(report.model_bytes) / (1 << 20), report.cpu, report.isa, report.version);
  out += fmt::format("| {:<24} | {:>7} | {:>18} | {:>8} | {:>24} |\n", "test", "threads", "tokens/s", "best",
                     "of the machine's limit");
  out += fmt::format("|{:-<26}|{:->8}:|{:->19}:|{:->9}:|{:->25}:|\n", "", "", "", "", "");
  for (const BenchResult& result : report.results) {
    std::string share = result.what.kind == BenchKind::generation
                            ? fmt::format("{:.1f} GB/s", report.gb_per_s(result))
                            : fmt::format("{:.2f} TOPS", report.tera_operations_per_s(result));
    if (const auto of_limit = report.share_of_limit(result)) share += fmt::format(" = {:.0f} %", 100 * *of_limit);
    out +=
        fmt::format("| {:<24} | {:>7} | {:>18} | {:>8.1f} | {:>24} |\n", case_name(result.what), result.n_threads,
                    fmt::format("{:.1f} ± {:.1f}", result.mean(), result.standard_deviation()), result.best(), share);
  }
  if (const auto score = local_score(report.results)) out += fmt::format("\nLocalScore: {:.0f}\n", *score);
  return out;
}

std::string bench_json(const BenchReport& report) {
  Json results = Json::array();
  for (const BenchResult& result : report.results) {
    Json object{{"kind", bench_kind_name(result.what.kind)},
                {"n_tokens", result.what.n_tokens},
                {"depth", result.what.depth},
                {"n_sequences", result.what.n_sequences},
                {"n_threads", result.n_threads},
                {"tokens_per_s", result.tokens_per_s},
                {"mean", result.mean()},
                {"median", result.median()},
                {"standard_deviation", result.standard_deviation()}};
    if (result.what.kind == BenchKind::generation) {
      object["gb_per_s"] = report.gb_per_s(result);
    } else {
      object["tera_operations_per_s"] = report.tera_operations_per_s(result);
    }
    if (const auto share = report.share_of_limit(result)) object["share_of_limit"] = *share;
    results.push_back(std::move(object));
  }
  Json json{{"version", report.version},
            {"cpu", report.cpu},
            {"isa", report.isa},
            {"model", {{"file", report.model_file}, {"name", report.model_name}, {"bytes", report.model_bytes}}},
            {"weight_bytes_per_token", report.cost.weight_bytes},
            {"operations_per_token", report.cost.operations},
            {"results", std::move(results)}};
  if (const auto score = local_score(report.results)) json["local_score"] = *score;
  if (!report.limits.empty()) json["limits"] = limits_list(report.limits);
  return dump(json);
}

std::string bench_csv(const BenchReport& report) {
  std::string out =
      "version,cpu,isa,model,kind,n_tokens,depth,n_sequences,n_threads,repetitions,mean_tokens_per_s,median_tokens_per_"
      "s,"
      "standard_deviation,gb_per_s,tera_operations_per_s,share_of_limit\n";
  for (const BenchResult& result : report.results) {
    const bool generation = result.what.kind == BenchKind::generation;
    const auto share = report.share_of_limit(result);
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{:.3f},{:.3f},{:.3f},{},{},{}\n", report.version,
                       quoted(report.cpu), report.isa, quoted(report.model_file), bench_kind_name(result.what.kind),
                       result.what.n_tokens, result.what.depth, result.what.n_sequences, result.n_threads,
                       result.tokens_per_s.size(), result.mean(), result.median(), result.standard_deviation(),
                       generation ? fmt::format("{:.3f}", report.gb_per_s(result)) : "",
                       generation ? "" : fmt::format("{:.4f}", report.tera_operations_per_s(result)),
                       share ? fmt::format("{:.4f}", *share) : "");
  }
  return out;
}

std::string limits_table(const std::vector<Limits>& limits) {
  std::string out;
  for (const Limits& of_machine : limits) {
    out += fmt::format("| {:<32} | {:>12} |\n|{:-<34}|{:->13}:|\n",
                       fmt::format("read from memory, {} threads", of_machine.n_threads), "GB/s", "", "");
    for (const auto& read : of_machine.reads) out += fmt::format("| {:<32} | {:>12.1f} |\n", read.loop, read.gb_per_s);
    out += fmt::format("\n| {:<32} | {:>12} |\n|{:-<34}|{:->13}:|\n", "products and sums in registers", "TOPS", "", "");
    for (const auto& peak : of_machine.peaks) {
      out += fmt::format("| {:<32} | {:>12.3f} |\n", peak.loop, peak.tera_operations_per_s);
    }
    out += '\n';
  }
  return out;
}

std::string limits_json(const std::vector<Limits>& limits) {
  return dump(Json{{"limits", limits_list(limits)}});
}

std::string limits_csv(const std::vector<Limits>& limits) {
  std::string out = "n_threads,loop,gb_per_s,tera_operations_per_s\n";
  for (const Limits& of_machine : limits) {
    for (const auto& read : of_machine.reads) {
      out += fmt::format("{},{},{:.3f},\n", of_machine.n_threads, quoted(read.loop), read.gb_per_s);
    }
    for (const auto& peak : of_machine.peaks) {
      out += fmt::format("{},{},,{:.4f}\n", of_machine.n_threads, quoted(peak.loop), peak.tera_operations_per_s);
    }
  }
  return out;
}

}  // namespace quipu::tools
