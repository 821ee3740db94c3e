#include "tools/eval/choice_scores.h"

#include <algorithm>
#include <atomic>

#include "sample/logprobs.h"

namespace quipu::tools {
namespace {

using engine::Token;

// How many tokens are the same in all choices, leaving each at least one of its own.
size_t n_shared(const std::vector<ChoiceTokens>& choices) {
  size_t n = choices[0].ids.size() - 1;
  for (const ChoiceTokens& choice : choices) {
    const size_t limit = std::min(n, choice.ids.size() - 1);
    n = 0;
    while (n < limit && choice.ids[n] == choices[0].ids[n]) ++n;
  }
  return n;
}

void count_tokens(ChoiceFormat format, ChoiceTaskTokens& task) {
  // What llama-perplexity asks of a Winogrande sentence: so many tokens behind what the choices share.
  constexpr size_t kMinTrailing = 3;
  const size_t shared = n_shared(task.choices);
  const bool skip_choice = format == ChoiceFormat::winogrande &&
                           std::all_of(task.choices.begin(), task.choices.end(),
                                       [&](const auto& choice) { return choice.ids.size() - shared > kMinTrailing; });
  size_t first = shared;
  for (ChoiceTokens& choice : task.choices) {
    choice.begin = std::max<size_t>(1, skip_choice ? choice.n_context : shared);
    choice.end = choice.ids.size();
    if (format == ChoiceFormat::winogrande && choice.end - choice.begin > 1) --choice.end;
    first = std::min({first, choice.begin, choice.n_context});
  }
  task.n_root = first == 0 ? 0 : first - 1;
}

size_t n_computed(const ChoiceTaskTokens& task) {
  size_t n = task.n_root;
  for (const ChoiceTokens& choice : task.choices) n += choice.ids.size() - task.n_root;
  return n;
}

// Of the KV cache: the root's, and of each choice those that it does not share with it.
size_t n_pages(const ChoiceTaskTokens& task) {
  constexpr size_t kPage = kernels::kPageTokensMultiple;
  size_t n = (task.n_root + kPage - 1) / kPage;
  for (const ChoiceTokens& choice : task.choices) n += (choice.ids.size() + kPage - 1) / kPage - task.n_root / kPage;
  return n;
}

double sum_of(const std::vector<double>& logprobs, size_t begin, size_t end) {
  double sum = 0.0;
  for (size_t i = begin; i < end; ++i) sum += logprobs[i];
  return sum;
}

// Computes a group of tasks at once.
class Group {
 public:
  Group(engine::Engine& engine, std::span<const ChoiceTaskTokens> tasks) : engine_(engine), tasks_(tasks) {}

  Result<std::vector<ChoiceScores>> run(const std::stop_token& stop) {
    while (roots_.size() < tasks_.size()) roots_.push_back(engine_.new_sequence());
    std::vector<engine::Work> shared;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (tasks_[i].n_root == 0) continue;
      shared.push_back(
          {&roots_[i], std::span(tasks_[i].choices[0].ids).first(tasks_[i].n_root), engine::Work::Logits::none});
    }
    if (!shared.empty()) {
      QUIPU_CHECK_OK(engine_.decode(
          shared, [](size_t, size_t, std::span<const float>) {}, stop));
    }
    QUIPU_CHECK_OK(compute_choices(stop));
    return scores();
  }

 private:
  Status compute_choices(const std::stop_token& stop) {
    std::vector<engine::Sequence> sequences;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      for (const ChoiceTokens& choice : tasks_[i].choices) {
        sequences.push_back(roots_[i].fork());
        choices_.push_back(&choice);
        n_roots_.push_back(tasks_[i].n_root);
        logprobs_.emplace_back(choice.ids.size());
      }
    }
    std::vector<engine::Work> works;
    for (size_t i = 0; i < choices_.size(); ++i) {
      // The last token predicts nothing that counts.
      const auto own = std::span(choices_[i]->ids).subspan(n_roots_[i], choices_[i]->ids.size() - 1 - n_roots_[i]);
      works.push_back({&sequences[i], own, engine::Work::Logits::all});
    }
    std::atomic<bool> failed = false;
    const auto on_rows = [&](std::span<const engine::ResultRow> rows) {
      engine_.parallel(rows.size(), [&](size_t i) {
        const engine::ResultRow& row = rows[i];
        const size_t next = n_roots_[row.index] + row.position + 1;
        const auto softmax = sample::LogSoftmax::of(row.values);
        if (!softmax.ok())
          failed = true;
        else
          logprobs_[row.index][next] = softmax->logprob(choices_[row.index]->ids[next]);
      });
    };
    QUIPU_CHECK_OK(engine_.decode_rows(works, on_rows, stop));
    if (failed) return invalid_input("the model's logits are not finite");
    return {};
  }

  [[nodiscard]] std::vector<ChoiceScores> scores() const {
    std::vector<ChoiceScores> all;
    size_t at = 0;
    for (const ChoiceTaskTokens& task : tasks_) {
      ChoiceScores of_task;
      for (const ChoiceTokens& choice : task.choices) {
        const std::vector<double>& logprobs = logprobs_[at++];
        const size_t n = choice.ids.size();
        of_task.push_back(
            {sum_of(logprobs, choice.n_context, n), n - choice.n_context,
             sum_of(logprobs, choice.begin, choice.end) / static_cast<double>(choice.end - choice.begin)});
      }
      all.push_back(std::move(of_task));
    }
    return all;
  }

  engine::Engine& engine_;
  std::span<const ChoiceTaskTokens> tasks_;
  std::vector<engine::Sequence> roots_;
  // One for each choice of each task.
  std::vector<const ChoiceTokens*> choices_;
  std::vector<size_t> n_roots_;
  std::vector<std::vector<double>> logprobs_;  // of each token, those of the root left at 0
};

}  // namespace

Result<std::vector<ChoiceTaskTokens>> choice_tokens(const tokenizer::Tokenizer& tokenizer, ChoiceFormat format,
                                                    const std::vector<ChoiceTask>& tasks) {
  constexpr tokenizer::EncodeOptions kOptions{.parse_special = false, .add_special = true};
  std::vector<ChoiceTaskTokens> all;
  for (const ChoiceTask& task : tasks) {
    ChoiceTaskTokens tokens;
    for (const Choice& choice : task.choices) {
      ChoiceTokens of_choice{tokenizer.encode(choice.context + choice.continuation, kOptions)};
      if (of_choice.ids.size() < 2) {
        return invalid_input("task {}: '{}{}' is less than two tokens of this model", task.number, choice.context,
                             choice.continuation);
      }
      of_choice.n_context =
          std::clamp<size_t>(tokenizer.encode(choice.context, kOptions).size(), 1, of_choice.ids.size() - 1);
      tokens.choices.push_back(std::move(of_choice));
    }
    count_tokens(format, tokens);
    all.push_back(std::move(tokens));
  }
  return all;
}

ChoicePlan plan_choices(const std::vector<ChoiceTaskTokens>& tasks, size_t n_batch) {
  ChoicePlan plan;
  size_t n_longest = 1, most_pages = 1, n = 0, pages = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (const ChoiceTokens& choice : tasks[i].choices) n_longest = std::max(n_longest, choice.ids.size());
    if (n > 0 && n + n_computed(tasks[i]) > n_batch) {
      plan.ends.push_back(i);
      n = pages = 0;
    }
    n += n_computed(tasks[i]);
    pages += n_pages(tasks[i]);
    most_pages = std::max(most_pages, pages);
  }
  plan.ends.push_back(tasks.size());
  const size_t pages_each = (n_longest + kernels::kPageTokensMultiple - 1) / kernels::kPageTokensMultiple;
  plan.n_ctx = static_cast<uint32_t>(n_longest);
  plan.n_sequences = static_cast<uint32_t>((most_pages + pages_each - 1) / pages_each);
  return plan;
}

Result<std::vector<ChoiceScores>> choice_scores(
    engine::Engine& engine, const std::vector<ChoiceTaskTokens>& tasks, const ChoicePlan& plan,
    const std::function<void(const std::vector<ChoiceScores>& done)>& progress, const std::stop_token& stop) {
  std::vector<ChoiceScores> scores;
  for (const size_t end : plan.ends) {
    Group group(engine, std::span(tasks).subspan(scores.size(), end - scores.size()));
    QUIPU_TRY(auto of_group, group.run(stop));
    std::move(of_group.begin(), of_group.end(), std::back_inserter(scores));
    if (progress) progress(scores);
  }
  return scores;
}

}  // namespace quipu::tools
