#include "tools/eval/perplexity.h"

#include <algorithm>
#include <cmath>

#include "sample/logprobs.h"

namespace quipu::tools {
namespace {

using engine::Token;
// `row` of the piece's kept rows predicts `next`.
using OnRow = std::function<Status(uint32_t piece, uint32_t row, std::span<const float> logits,
                                   const sample::LogSoftmax& softmax, Token next)>;

Status read_piece(engine::Engine& engine, std::span<const Token> tokens, const LogitsShape& shape, uint32_t piece,
                  const OnRow& on_row, const std::stop_token& stop) {
  std::vector<Token> ids(tokens.begin() + static_cast<std::ptrdiff_t>(size_t{piece} * shape.n_ctx),
                         tokens.begin() + static_cast<std::ptrdiff_t>(size_t{piece + 1} * shape.n_ctx));
  const auto& tokenizer = engine.model().tokenizer();
  if (tokenizer.adds_bos() && tokenizer.bos()) ids[0] = *tokenizer.bos();

  engine::Sequence sequence = engine.new_sequence();
  const uint32_t first = shape.first_row();
  const engine::Work unseen{&sequence, std::span(ids).first(first), engine::Work::Logits::none};
  QUIPU_CHECK_OK(engine.decode(
      {&unseen, 1}, [](size_t, size_t, std::span<const float>) {}, stop));
  Status status;
  const auto on_logits = [&](size_t, size_t position, std::span<const float> logits) {
    if (!status.ok()) return;
    const auto softmax = sample::LogSoftmax::of(logits);
    status = softmax.ok() ? on_row(piece, static_cast<uint32_t>(position), logits, *softmax, ids[first + position + 1])
                          : Status(softmax.error().within(fmt::format("piece {}, token {}", piece, first + position)));
  };
  // The last token predicts nothing that is in the piece.
  const engine::Work counted{&sequence, std::span(ids).subspan(first, shape.rows_per_piece()),
                             engine::Work::Logits::all};
  QUIPU_CHECK_OK(engine.decode({&counted, 1}, on_logits, stop));
  return status;
}

Status read_pieces(engine::Engine& engine, std::span<const Token> tokens, const LogitsShape& shape, const OnRow& on_row,
                   const EvalProgress& progress, const std::stop_token& stop) {
  for (uint32_t piece = 0; piece < shape.n_pieces; ++piece) {
    if (progress) progress(piece, shape.n_pieces);
    QUIPU_CHECK_OK(read_piece(engine, tokens, shape, piece, on_row, stop));
  }
  return {};
}

struct RowDivergence {
  double kl = 0.0;
  size_t base_top = 0;
};

RowDivergence kl_of(const LogitsRow& base, std::span<const float> logits, double log_sum) {
  RowDivergence result;
  uint16_t top_level = 0;
  for (size_t token = 0; token < logits.size(); ++token) {
    const double log_p = base.logprob(token);
    if (base.levels[token] > top_level) {
      top_level = base.levels[token];
      result.base_top = token;
    }
    // The lowest level stands for all that was cut off, tokens far less likely among them: together they would weigh
    // more than a good model's whole divergence. Each is below e^-16 of the best, so they are left out.
    if (base.levels[token] == 0) continue;
    // A logit of -infinity, where the other model sees a chance, is an infinite divergence: rightly.
    if (const double p = std::exp(log_p); p > 0.0) result.kl += p * (log_p - (logits[token] - log_sum));
  }
  return result;
}

}  // namespace

Result<LogitsShape> shape_of(const engine::Model& model, size_t n_tokens, uint32_t n_ctx, uint32_t most_pieces) {
  size_t n_pieces = n_tokens / n_ctx;
  if (n_pieces == 0) {
    return invalid_input("the text has {} tokens, but one piece of it {}: give a longer one, or a smaller -c", n_tokens,
                         n_ctx);
  }
  if (most_pieces != 0) n_pieces = std::min<size_t>(n_pieces, most_pieces);
  return LogitsShape{n_ctx, model.hyperparameters().n_vocab, static_cast<uint32_t>(n_pieces)};
}

Result<PerplexityResult> perplexity(engine::Engine& engine, std::span<const Token> tokens, const LogitsShape& shape,
                                    LogitsWriter* save, const EvalProgress& progress, const std::stop_token& stop) {
  PerplexityResult result;
  const auto on_row = [&](uint32_t, uint32_t, std::span<const float> logits, const sample::LogSoftmax& softmax,
                          Token next) -> Status {
    result.nll.add(softmax.log_sum_exp() - logits[static_cast<size_t>(next)]);
    return save != nullptr ? save->add(logits, softmax.log_sum_exp()) : Status();
  };
  QUIPU_CHECK_OK(read_pieces(engine, tokens, shape, on_row, progress, stop));
  return result;
}

Result<DivergenceResult> divergence(engine::Engine& engine, const LogitsFile& base, const EvalProgress& progress,
                                    const std::stop_token& stop) {
  const LogitsShape& shape = base.shape();
  if (const uint32_t n_vocab = engine.model().hyperparameters().n_vocab; n_vocab != shape.n_vocab) {
    return invalid_input("the saved log-probabilities are of a vocabulary of {} tokens, but this model has {}",
                         shape.n_vocab, n_vocab);
  }
  DivergenceResult result;
  const auto on_row = [&](uint32_t piece, uint32_t row, std::span<const float> logits,
                          const sample::LogSoftmax& softmax, Token next) -> Status {
    const LogitsRow base_row = base.row(piece, row);
    const auto token = static_cast<size_t>(next);
    const double log_p = base_row.logprob(token), log_q = logits[token] - softmax.log_sum_exp();
    const RowDivergence of_row = kl_of(base_row, logits, softmax.log_sum_exp());
    const auto top = std::max_element(logits.begin(), logits.end()) - logits.begin();
    result.base.nll.add(-log_p);
    result.ours.nll.add(-log_q);
    result.log_ratio.add(log_p - log_q);
    result.abs_difference.add(std::abs(log_p - log_q));
    result.squared_difference.add(std::pow(std::exp(log_q) - std::exp(log_p), 2));
    result.same_top.add(static_cast<size_t>(top) == of_row.base_top ? 1.0 : 0.0);
    result.kl.add(of_row.kl);
    result.kl_values.push_back(static_cast<float>(of_row.kl));
    return {};
  };
  QUIPU_CHECK_OK(read_pieces(engine, base.tokens(), shape, on_row, progress, stop));
  std::sort(result.kl_values.begin(), result.kl_values.end());
  return result;
}

}  // namespace quipu::tools
