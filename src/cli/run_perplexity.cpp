// quipu perplexity: how well a model predicts a text.
#include "cli/engine_setup.h"
#include "cli/input_text.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
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

}  // namespace

Result<int> run_perplexity(const Invocation& invocation) {
  const Options& options = invocation.options;
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
    out.write(text_of(result));
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
  out.write(text_of(result));
  return out.finish();
}

}  // namespace quipu::cli
