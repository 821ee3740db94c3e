// Scores of tasks with several answers as shares that are right, and as text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/eval/choice_scores.h"

namespace quipu::tools {

// A number of right ones out of `n`.
struct Share {
  size_t n_right = 0, n = 0;

  [[nodiscard]] double value() const { return n == 0 ? 0.0 : static_cast<double>(n_right) / static_cast<double>(n); }
  // Standard error of the mean of values that are 0 or 1; 0 for fewer than two.
  [[nodiscard]] double error() const;
  // Where the true share lies with 95 %: the interval of Wilson 1927, which holds for few tasks and shares near 0 too.
  struct Interval {
    double low, high;
  };
  [[nodiscard]] Interval interval() const;
};

struct ChoiceShares {
  Share per_token;      // the likeliest per token is right: acc_norm of llama-perplexity
  Share whole;          // the likeliest: acc of lm-eval
  Share per_character;  // the likeliest per character: acc_norm of lm-eval
  double by_chance = 0.0;
};

// Place of the choice that is chosen; the first of equal ones, and for Winogrande the last as in llama-perplexity.
enum class ChoiceBy : uint8_t { per_token, whole, per_character };
size_t chosen(ChoiceFormat format, const ChoiceTask& task, const ChoiceScores& scores, ChoiceBy by);

// Of the first tasks, as many as there are scores.
ChoiceShares choice_shares(ChoiceFormat format, std::span<const ChoiceTask> tasks,
                           std::span<const ChoiceScores> scores);

// `n_in_file`: tasks, of which some were picked.
struct ChoiceReport {
  ChoiceFormat format = ChoiceFormat::hellaswag;
  std::string model;
  size_t n_in_file = 0;
  std::vector<ChoiceTask> tasks;
  std::vector<ChoiceScores> scores;
};
std::string choice_table(const ChoiceReport& report);
// One object; docs/formats/choice-tasks.md.
std::string choice_json(const ChoiceReport& report);

}  // namespace quipu::tools
