// quipu logprobs: how probable the model finds each token of a text.
#include "cli/engine_setup.h"
#include "cli/input_text.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "sample/logprobs.h"

namespace quipu::cli {
namespace {

using Tokens = std::vector<engine::Token>;

// A line for the token at a position; `row` are the logits after the token before it, or nothing for the first.
Result<std::string> line_of(size_t position, engine::Token id, std::span<const float> row, size_t n_top) {
  if (row.empty())
    return fmt::format("{{\"position\": {}, \"id\": {}, \"logprob\": null, \"top\": []}}\n", position, id);
  QUIPU_TRY(const auto softmax, sample::LogSoftmax::of(row));
  std::string line =
      fmt::format("{{\"position\": {}, \"id\": {}, \"logprob\": {}, \"top\": [", position, id, softmax.logprob(id));
  bool first = true;
  for (const auto& [token, logprob] : softmax.top(n_top)) {
    line += fmt::format("{}{{\"id\": {}, \"logprob\": {}}}", first ? "" : ", ", token, logprob);
    first = false;
  }
  return line + "]}\n";
}

Result<Tokens> input_tokens(const Invocation& invocation, const tokenizer::Tokenizer& tokenizer) {
  const Options& options = invocation.options;
  QUIPU_TRY(const std::string text, input_text(invocation));
  if (options.ids) return parse_token_ids(text, tokenizer.n_vocab());
  return tokenizer.encode(text, {.parse_special = options.parse_special, .add_special = options.add_bos});
}

}  // namespace

Result<int> run_logprobs(const Invocation& invocation) {
  QUIPU_TRY(const auto model, load_model(invocation));
  QUIPU_TRY(const Tokens tokens, input_tokens(invocation, model->tokenizer()));
  Output out;
  if (tokens.empty()) return out.finish();
  // The context is as long as the text: it is read once.
  QUIPU_TRY(const auto engine, make_engine(invocation, model, static_cast<uint32_t>(tokens.size())));
  const auto n_top = static_cast<size_t>(invocation.options.n_top);
  QUIPU_TRY(const std::string first, line_of(0, tokens[0], {}, n_top));
  bool alive = out.write(first);
  Status status;
  std::stop_source stop;
  const auto on_logits = [&](size_t, size_t position, std::span<const float> row) {
    if (!alive || !status.ok() || position + 1 >= tokens.size()) return;
    const auto line = line_of(position + 1, tokens[position + 1], row, n_top);
    if (line.ok()) {
      alive = out.write(*line);
    } else {
      status = line.error().within(fmt::format("position {}", position + 1));
    }
    if (!alive || !status.ok()) stop.request_stop();
  };
  auto sequence = engine->new_sequence();
  const engine::Work work{&sequence, std::span(tokens).first(tokens.size() - 1), engine::Work::Logits::all};
  if (tokens.size() > 1) {
    const Status decoded = engine->decode(std::span(&work, 1), on_logits, stop.get_token());
    if (!decoded.ok() && decoded.error().kind != ErrorKind::cancelled) return decoded.error();
  }
  QUIPU_CHECK_OK(status);
  return out.finish();
}

}  // namespace quipu::cli
