// One answer in the making: samples, streams, and knows when it is over.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/stop_text.h"
#include "grammar/matcher.h"

namespace quipu::engine {

class Answer {
 public:
  // `on_text` may be empty. The answer keeps its own copies of all that it is given but the model.
  static Result<Answer> create(const Model& model, const GenerateOptions& options, OnText on_text);

  // The history that the penalties look at begins with the prompt.
  void accept_prompt(std::span<const Token> prompt);
  // The next token, or nothing when the answer is over.
  Result<std::optional<Token>> next(std::span<const float> logits);
  // Ends the answer for a reason that lies outside of it.
  void end(Finish finish) { finish_ = finish; }
  // Once it is over.
  [[nodiscard]] Finish finish_reason() const { return finish_; }
  // Hands out what was held back, unless a stop text ended the answer. The times and prompt counts are left at zero.
  Generated finish();

  // Without one that ended the answer.
  [[nodiscard]] std::span<const Token> tokens() const { return tokens_; }
  [[nodiscard]] uint64_t seed() const { return sampler_.seed(); }

 private:
  Answer(const Model& model, const GenerateOptions& options, OnText on_text, sample::Sampler sampler);
  bool hand_out(const std::string& text) { return text.empty() || !on_text_ || on_text_(text); }

  const Model* model_;
  GenerateOptions options_;
  OnText on_text_;
  sample::Sampler sampler_;
  tokenizer::StreamDecoder decoder_;
  StopText stop_;
  std::optional<grammar::Matcher> matcher_;
  std::vector<uint32_t> mask_;  // a bit for each token, if there is a grammar
  std::vector<Token> tokens_;
  Finish finish_ = Finish::end;
};

// Errors: an empty prompt, one longer than the context, ids outside the vocabulary.
Status check_prompt(const Engine& engine, std::span<const Token> prompt);

}  // namespace quipu::engine
