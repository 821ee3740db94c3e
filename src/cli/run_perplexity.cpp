// quipu perplexity: how well a model predicts a text, or which of several answers it finds likeliest.
#include <nlohmann/json.hpp>

#include "cli/engine_setup.h"
#include "cli/input_text.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "platform/platform.h"
#include "tools/eval/choice_report.h"
#include "tools/eval/perplexity.h"

namespace quipu::cli {
namespace {

std::string text_of(const tools::PerplexityResult& result) {
  return fmt::format("perplexity {:.4f} ± {:.4f} ({} tokens, {:.5f} ± {:.5f} nats a token)\n", result.perplexity(),
                     result.perplexity_error(), result.nll.n(), result.nll.mean(), result.nll.error());
}

std::string text_of(const tools::DivergenceResult& result) {
  const auto quantile = [&](double share) {
    return result.kl_values[static_cast<size_t>(share * static_cast<double>(result.kl_values.size() - 1))];
  };
  const double rms = std::sqrt(result.squared_difference.mean());
  std::string out = text_of(result.ours);
  out += "of the file: " + text_of(result.base);
  out += fmt::format("log(perplexity / the file's)    {:.6f} ± {:.6f} nats\n", result.log_ratio.mean(),
                     result.log_ratio.error());
  out += fmt::format("mean |difference| of log p      {:.6f} ± {:.6f} nats\n", result.abs_difference.mean(),
                     result.abs_difference.error());
  out += fmt::format("KL divergence                   {:.6f} ± {:.6f} nats\n", result.kl.mean(), result.kl.error());
  out += fmt::format("  median {:.6f}, 90 % {:.6f}, 99 % {:.6f}, largest {:.6f}\n", quantile(0.5), quantile(0.9),
                     quantile(0.99), quantile(1.0));
  // The error of a root: d sqrt(x) = dx / (2 sqrt(x)).
  out += fmt::format("RMS difference of p             {:.4f} ± {:.4f} %\n", 100 * rms,
                     rms > 0 ? 100 * result.squared_difference.error() / (2 * rms) : 0.0);
  out += fmt::format("same likeliest token            {:.3f} ± {:.3f} %\n", 100 * result.same_top.mean(),
                     100 * result.same_top.error());
  return out;
}

using Json = nlohmann::ordered_json;

Json mean_object(double value, double error) {
  return {{"value", value}, {"stderr", error}};
}

Json json_of(const tools::PerplexityResult& result) {
  return {{"perplexity", mean_object(result.perplexity(), result.perplexity_error())},
          {"nats_per_token", mean_object(result.nll.mean(), result.nll.error())},
          {"n_tokens", result.nll.n()}};
}

Json json_of(const tools::DivergenceResult& result) {
  Json json = json_of(result.ours);
  json["base"] = json_of(result.base);
  json["log_ratio"] = mean_object(result.log_ratio.mean(), result.log_ratio.error());
  json["abs_difference"] = mean_object(result.abs_difference.mean(), result.abs_difference.error());
  json["kl_divergence"] = mean_object(result.kl.mean(), result.kl.error());
  json["same_likeliest_token"] = mean_object(result.same_top.mean(), result.same_top.error());
  return json;
}

template <typename T>
std::string shown(const Options& options, const T& result) {
  return options.json ? json_of(result).dump(2) + "\n" : text_of(result);
}

struct ChoiceTest {
  tools::ChoiceFormat format;
  size_t n_wanted;
};

// Nothing if a text is to be predicted. Error: several at once.
Result<std::optional<ChoiceTest>> choice_test(const Options& options) {
  if (options.hellaswag + options.winogrande + options.multiple_choice > 1)
    return invalid_input("--hellaswag, --winogrande and --multiple-choice exclude each other");
  using enum tools::ChoiceFormat;
  const auto test = [](tools::ChoiceFormat format, int32_t n) {
    return std::optional(ChoiceTest{format, static_cast<size_t>(n)});
  };
  if (options.hellaswag) return test(hellaswag, options.n_hellaswag);
  if (options.winogrande) return test(winogrande, options.n_winogrande);
  if (options.multiple_choice) return test(multiple_choice, options.n_multiple_choice);
  return std::optional<ChoiceTest>();
}

Result<int> run_choices(const Invocation& invocation, const ChoiceTest& test) {
  const Options& options = invocation.options;
  QUIPU_TRY(const std::string content, input_text(invocation));
  auto tasks = tools::parse_choice_tasks(test.format, content);
  if (!tasks.ok()) return tasks.error().within(options.prompt_file.empty() ? "standard input" : options.prompt_file);
  tools::ChoiceReport report{test.format, {}, tasks->size(), {}, {}};
  report.tasks = tools::pick_choice_tasks(test.format, std::move(*tasks), test.n_wanted);
  QUIPU_TRY(const auto model, load_model(invocation));
  report.model = model_name(*model);
  QUIPU_TRY(const auto tokens, tools::choice_tokens(model->tokenizer(), test.format, report.tasks));
  const auto plan = tools::plan_choices(tokens, static_cast<size_t>(options.n_batch));
  QUIPU_TRY(const auto engine, make_engine(invocation, model, plan.n_ctx, plan.n_sequences));
  ProgressLine line(std::string(tools::choice_format_name(test.format)));
  line.show(0, tokens.size());
  const auto progress = [&](const std::vector<tools::ChoiceScores>& done) { line.show(done.size(), tokens.size()); };
  QUIPU_TRY(report.scores, tools::choice_scores(*engine, tokens, plan, progress));
  Output out;
  out.write(options.json ? tools::choice_json(report) : tools::choice_table(report));
  return out.finish();
}

}  // namespace

Result<int> run_perplexity(const Invocation& invocation) {
  const Options& options = invocation.options;
  QUIPU_TRY(const auto choices, choice_test(options));
  if (choices) return run_choices(invocation, *choices);
  QUIPU_TRY(const auto model, load_model(invocation));
  ProgressLine line("perplexity");
  const auto progress = [&](uint32_t done, uint32_t of) { line.show(done, of); };
  Output out;
  if (options.divergence) {
    if (options.logits_file.empty())
      return invalid_input("--kl-divergence needs --save-logits FILE, a file that was written before");
    QUIPU_TRY(const auto base, tools::LogitsFile::open(options.logits_file));
    QUIPU_TRY(const auto engine, make_engine(invocation, model, base.shape().n_ctx));
    QUIPU_TRY(const auto result, tools::divergence(*engine, base, progress));
    out.write(shown(options, result));
    return out.finish();
  }
  QUIPU_TRY(const std::string text, input_text(invocation));
  const auto tokens = model->tokenizer().encode(text, {.parse_special = false, .add_special = true});
  QUIPU_TRY(const auto shape, tools::shape_of(*model, tokens.size(), static_cast<uint32_t>(options.n_piece),
                                              static_cast<uint32_t>(options.n_chunks)));
  QUIPU_TRY(const auto engine, make_engine(invocation, model, shape.n_ctx));
  std::optional<tools::LogitsWriter> save;
  if (!options.logits_file.empty()) {
    const auto kept = std::span(tokens).first(size_t{shape.n_ctx} * shape.n_pieces);
    QUIPU_TRY(save, tools::LogitsWriter::create(options.logits_file, shape, kept));
  }
  QUIPU_TRY(const auto result, tools::perplexity(*engine, tokens, shape, save ? &*save : nullptr, progress));
  if (save) QUIPU_CHECK_OK(save->commit());
  out.write(shown(options, result));
  return out.finish();
}

}  // namespace quipu::cli
