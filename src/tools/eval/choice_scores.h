// Which of several answers a model finds likeliest.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "tools/eval/choice_tasks.h"

namespace quipu::tools {

// A choice's tokens, and which of them count.
struct ChoiceTokens {
  std::vector<engine::Token> ids;  // of context + continuation
  // The continuation begins behind so many tokens: as many as the context has by itself, as lm-eval cuts it.
  size_t n_context = 0;
  // Whose log p llama-perplexity takes the mean of: ids[begin ... end - 1]. Of HellaSwag and multiple choice those from
  // the first on that differs between the choices. Of Winogrande those behind the choice without the last (the full
  // stop), or if that leaves few, from the first on that differs.
  size_t begin = 0, end = 0;
};

struct ChoiceTaskTokens {
  std::vector<ChoiceTokens> choices;
  size_t n_root = 0;  // so many tokens are the same in all choices, and nothing that counts is predicted from them
};

// The tokens of each task. Errors: a choice whose context and continuation are less than two tokens.
Result<std::vector<ChoiceTaskTokens>> choice_tokens(const tokenizer::Tokenizer& tokenizer, ChoiceFormat format,
                                                    const std::vector<ChoiceTask>& tasks);

// Tasks that are computed together: as many as have `n_batch` tokens.
struct ChoicePlan {
  std::vector<size_t> ends;             // of each group, the first task that is not in it
  uint32_t n_ctx = 0, n_sequences = 0;  // what the engine needs
};
ChoicePlan plan_choices(const std::vector<ChoiceTaskTokens>& tasks, size_t n_batch);

struct ChoiceScore {
  double logprob = 0.0;    // natural logarithm of the probability of the whole continuation
  size_t n_tokens = 0;     // of the continuation
  double per_token = 0.0;  // mean log p of the tokens that llama-perplexity counts
};
using ChoiceScores = std::vector<ChoiceScore>;  // one for each choice of a task

// The scores of each task. `progress` after each group.
Result<std::vector<ChoiceScores>> choice_scores(
    engine::Engine& engine, const std::vector<ChoiceTaskTokens>& tasks, const ChoicePlan& plan,
    const std::function<void(const std::vector<ChoiceScores>& done)>& progress, const std::stop_token& stop = {});

}  // namespace quipu::tools
