#include "engine/answer.h"

#include <utility>

#include "base/check.h"

namespace quipu::engine {

Result<Answer> Answer::create(const Model& model, const GenerateOptions& options, OnText on_text) {
  const auto& tokenizer = model.tokenizer();
  const sample::VocabInfo vocab{static_cast<int32_t>(model.hyperparameters().n_vocab),
                                [&tokenizer](Token token) { return tokenizer.bytes(token, true); }};
  QUIPU_TRY(auto sampler, sample::Sampler::create(options.sampling, vocab));
  return Answer(model, options, std::move(on_text), std::move(sampler));
}

Answer::Answer(const Model& model, const GenerateOptions& options, OnText on_text, sample::Sampler sampler)
    : model_(&model),
      options_(options),
      on_text_(std::move(on_text)),
      sampler_(std::move(sampler)),
      decoder_(model.tokenizer(), options.show_special),
      stop_(options.stop) {
  if (options.grammar == nullptr) return;
  matcher_.emplace(options.grammar);
  mask_.resize((model.hyperparameters().n_vocab + 31) / 32);
}

void Answer::accept_prompt(std::span<const Token> prompt) {
  for (const Token token : prompt) sampler_.accept(token);
}

Result<std::optional<Token>> Answer::next(std::span<const float> logits) {
  const auto over = [this](Finish finish) {
    finish_ = finish;
    return std::optional<Token>();
  };
  const auto long_enough = [this] {
    return options_.n_predict >= 0 && static_cast<int64_t>(tokens_.size()) >= options_.n_predict;
  };
  if (long_enough()) return over(Finish::length);
  if (matcher_) QUIPU_CHECK_OK(matcher_->fill_mask(mask_));
  QUIPU_TRY(const Token token, sampler_.sample(logits, mask_));
  sampler_.accept(token);
  if (matcher_) QUIPU_CHECK(matcher_->accept(token));
  const bool goes_on = (options_.ignore_end || options_.n_predict == -2) && !matcher_;
  if (model_->tokenizer().is_end_of_generation(token) && !goes_on) return over(Finish::end);
  tokens_.push_back(token);
  if (!hand_out(stop_.push(decoder_.push(token)))) return over(Finish::cancelled);
  if (stop_.found()) return over(Finish::stop_text);
  if (long_enough()) return over(Finish::length);
  return std::optional(token);
}

Generated Answer::finish() {
  if (finish_ != Finish::stop_text && finish_ != Finish::cancelled) {
    hand_out(stop_.push(decoder_.finish()));
    hand_out(stop_.finish());
  }
  Generated result;
  result.finish = finish_;
  result.tokens = std::move(tokens_);
  return result;
}

Status check_prompt(const Engine& engine, std::span<const Token> prompt) {
  if (prompt.empty()) return invalid_input("the prompt is empty");
  const uint32_t n_vocab = engine.model().hyperparameters().n_vocab;
  for (const Token token : prompt)
    if (token < 0 || static_cast<uint32_t>(token) >= n_vocab)
      return invalid_input("the prompt has the token id {}, but the vocabulary has {} tokens", token, n_vocab);
  if (prompt.size() <= engine.n_ctx()) return {};
  return error_of(ErrorKind::limit_exceeded, "the prompt has {} tokens, but the context has room for {} (-c)",
                  prompt.size(), engine.n_ctx());
}

}  // namespace quipu::engine
