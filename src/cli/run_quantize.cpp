// quipu quantize: a model with weights of fewer bits.
#include <algorithm>
#include <charconv>

#include "cli/packing.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "engine/engine.h"
#include "gguf/gguf.h"
#include "platform/platform.h"
#include "tools/quantize/quantize.h"

namespace quipu::cli {
namespace {

constexpr std::string_view kCopy = "COPY";
constexpr double kMiB = 1 << 20;

std::string list_of_mixes() {
  std::string out = fmt::format("| {:<9} | {:<8} | {:>15} |\n|{:-<11}|{:-<10}|{:->16}:|\n", "TYPE", "mostly",
                                "bits a weight", "", "", "");
  for (const tools::MixTraits& mix : tools::all_mixes()) {
    out += fmt::format("| {:<9} | {:<8} | {:>15} |\n", mix.name, quant::traits(mix.type).name, mix.bits_per_weight);
  }
  return out + "COPY leaves all as they are.\n";
}

struct Words {
  std::string in, out;
  std::optional<tools::Mix> mix;  // nothing: COPY
  int32_t n_threads = 0;
};

// IN OUT TYPE [THREADS], or IN TYPE for --dry-run.
Result<Words> words_of(const Invocation& invocation) {
  std::vector<std::string> words = invocation.positional;
  Words out;
  out.n_threads = invocation.options.n_threads;
  const size_t n_expected = invocation.options.dry_run && words.size() == 2 ? 2 : 3;
  if (words.size() == n_expected + 1) {
    const std::string& last = words.back();
    const auto [end, code] = std::from_chars(last.data(), last.data() + last.size(), out.n_threads);
    if (code != std::errc() || end != last.data() + last.size() || out.n_threads < 0 || out.n_threads > 1024) {
      return invalid_input("'{}' is no number of threads", last);
    }
    words.pop_back();
  }
  if (words.size() != n_expected) {
    return invalid_input("quantize needs a model, the file to write and a type: quantize IN.gguf OUT.gguf TYPE");
  }
  out.in = words.front();
  out.out = n_expected == 3 ? words[1] : "";
  std::string type = words.back();
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (type == kCopy) return out;
  const tools::MixTraits* mix = tools::find_mix(type);
  if (mix == nullptr)
    return invalid_input("'{}' is no type; quipu quantize without arguments lists them", words.back());
  out.mix = mix->mix;
  return out;
}

Result<tools::PlanOptions> plan_options(const Options& options, const std::optional<tools::Mix>& mix) {
  tools::PlanOptions plan{.mix = mix,
                          .pure = options.pure,
                          .leave_output = options.leave_output_tensor,
                          .allow_requantize = options.allow_requantize,
                          .without_importance = options.without_imatrix || options.dry_run,
                          .output_type = {},
                          .token_embedding_type = {},
                          .overrides = {}};
  const auto type_of = [](const char* flag, const std::string& name) -> Result<std::optional<quant::TensorType>> {
    if (name.empty()) return std::optional<quant::TensorType>();
    const auto type = tools::parse_weight_type(name);
    if (!type.ok()) return type.error().within(flag);
    return std::optional(*type);
  };
  QUIPU_TRY(plan.output_type, type_of("--output-tensor-type", options.output_tensor_type));
  QUIPU_TRY(plan.token_embedding_type, type_of("--token-embedding-type", options.token_embedding_type));
  for (const std::string& text : options.tensor_types) {
    auto parsed = tools::parse_type_override(text);
    if (!parsed.ok()) return parsed.error().within("--tensor-type");
    plan.overrides.push_back(std::move(*parsed));
  }
  return plan;
}

std::string summary(const tools::Plan& plan) {
  const auto bits = [&](uint64_t bytes) {
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(plan.n_weights);
  };
  std::string out = fmt::format("{:.2f} MiB ({:.2f} bits a weight) -> {:.2f} MiB ({:.2f})\n",
                                static_cast<double>(plan.bytes_before) / kMiB, bits(plan.bytes_before),
                                static_cast<double>(plan.bytes_after) / kMiB, bits(plan.bytes_after));
  if (plan.n_fell_back > 0) {
    out += fmt::format("{} of {} tensors got another type, since their rows do not divide into blocks of the mix's\n",
                       plan.n_fell_back, plan.tensors.size());
  }
  return out;
}

std::string table(const tools::Plan& plan) {
  std::string out =
      fmt::format("| {:<40} | {:<24} | {:<7} | {:<7} | {:>10} |\n|{:-<42}|{:-<26}|{:-<9}|{:-<9}|{:->11}:|\n", "tensor",
                  "shape", "from", "to", "MiB", "", "", "", "", "");
  bool needs_importance = false;
  for (const tools::PlannedTensor& planned : plan.tensors) {
    const gguf::Tensor& tensor = *planned.tensor;
    const auto dims = std::span(tensor.dims).first(std::max(tensor.n_dims, 1U));
    std::string shape;
    for (const uint64_t dim : dims) shape += fmt::format("{}{}", shape.empty() ? "" : " x ", dim);
    out += fmt::format("| {:<40} | {:<24} | {:<7} | {:<7} | {:>10.2f} |\n", tensor.name, shape,
                       quant::traits(tensor.type).name,
                       fmt::format("{}{}", quant::traits(planned.type).name, planned.fell_back ? "*" : ""),
                       static_cast<double>(planned.bytes()) / kMiB);
    needs_importance |= planned.needs_importance && planned.importance.empty();
  }
  if (plan.n_fell_back > 0) out += "* instead of a type whose blocks the rows do not divide into\n";
  if (needs_importance) out += "This mix needs --imatrix FILE.\n";
  return out;
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code code;
  return std::filesystem::equivalent(a, b, code);
}

}  // namespace

Result<int> run_quantize(const Invocation& invocation) {
  Output out;
  const Options& options = invocation.options;
  if (invocation.positional.empty()) {
    out.write("quantize IN.gguf OUT.gguf TYPE, where TYPE is one of:\n\n" + list_of_mixes());
    return out.finish(kExitUsage);
  }
  QUIPU_TRY(const Words words, words_of(invocation));
  QUIPU_TRY(const tools::PlanOptions plan_of, plan_options(options, words.mix));
  QUIPU_TRY(const gguf::File file, gguf::File::open(words.in));
  std::optional<tools::Importance> importance;
  if (!options.imatrix.empty()) {
    QUIPU_TRY(importance, tools::Importance::open(options.imatrix));
  }
  const tools::Importance* of_columns = importance ? &*importance : nullptr;
  const auto plan = tools::make_plan(file, plan_of, of_columns);
  if (!plan.ok()) return plan.error().within(words.in);
  if (options.dry_run) {
    out.write(table(*plan) + summary(*plan));
    return out.finish();
  }
  if (is_same_file(words.in, words.out)) return invalid_input("{}: is the model itself; name another file", words.out);
  const int n_threads = engine::n_threads_or_default(words.n_threads);
  ThreadPool pool(n_threads, platform::n_physical_cores());
  {
    const platform::InterruptGuard guard;
    ProgressLine line("quantising");
    const tools::QuantizeRequest request{words.out, words.mix, of_columns, options.keep_split};
    const Status done = tools::quantize(file, *plan, request, pool, progress_on(line));
    if (!done.ok()) return done.error().kind == ErrorKind::invalid_input ? done.error().within(words.in) : done.error();
  }
  out.write(summary(*plan));
  return out.finish();
}

}  // namespace quipu::cli
