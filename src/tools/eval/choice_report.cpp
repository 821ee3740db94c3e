#include "tools/eval/choice_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace quipu::tools {
namespace {

using Json = nlohmann::ordered_json;

double value_of(const Choice& choice, const ChoiceScore& score, ChoiceBy by) {
  if (by == ChoiceBy::per_token) return score.per_token;
  if (by == ChoiceBy::whole) return score.logprob;
  return score.logprob / static_cast<double>(std::max<size_t>(1, choice.n_characters()));
}

std::string line_of(std::string_view what, const Share& share) {
  const auto [low, high] = share.interval();
  return fmt::format("{:<52} {:6.2f} ± {:.2f} %  (95 %: {:.2f} to {:.2f})\n", what, 100 * share.value(),
                     100 * share.error(), 100 * low, 100 * high);
}

Json share_object(const Share& share) {
  const auto [low, high] = share.interval();
  return {{"value", share.value()}, {"stderr", share.error()}, {"low_95", low}, {"high_95", high}};
}

Json task_object(const ChoiceReport& report, size_t i) {
  const ChoiceTask& task = report.tasks[i];
  Json choices = Json::array(), right = Json::array();
  for (size_t c = 0; c < task.choices.size(); ++c) {
    const ChoiceScore& score = report.scores[i][c];
    choices.push_back({{"logprob", score.logprob},
                       {"n_tokens", score.n_tokens},
                       {"n_characters", task.choices[c].n_characters()},
                       {"logprob_per_token", score.per_token}});
    if (task.choices[c].right) right.push_back(c);
  }
  return {{"number", task.number},
          {"right", std::move(right)},
          {"chosen", chosen(report.format, task, report.scores[i], ChoiceBy::per_token)},
          {"choices", std::move(choices)}};
}

}  // namespace

double Share::error() const {
  return n < 2 ? 0.0 : std::sqrt(value() * (1.0 - value()) / static_cast<double>(n - 1));
}

Share::Interval Share::interval() const {
  if (n == 0) return {0.0, 1.0};
  constexpr double kNormal = 1.959963984540054;  // of 0.975
  const double square = kNormal * kNormal / static_cast<double>(n), p = value();
  const double middle = (p + square / 2) / (1 + square);
  const double half =
      kNormal / (1 + square) * std::sqrt(p * (1 - p) / static_cast<double>(n) + square / static_cast<double>(4 * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

size_t chosen(ChoiceFormat format, const ChoiceTask& task, const ChoiceScores& scores, ChoiceBy by) {
  size_t best = 0;
  for (size_t i = 1; i < scores.size(); ++i) {
    const double value = value_of(task.choices[i], scores[i], by);
    const double value_of_best = value_of(task.choices[best], scores[best], by);
    if (value > value_of_best || (value == value_of_best && format == ChoiceFormat::winogrande)) best = i;
  }
  return best;
}

ChoiceShares choice_shares(ChoiceFormat format, std::span<const ChoiceTask> tasks,
                           std::span<const ChoiceScores> scores) {
  ChoiceShares shares;
  shares.per_token.n = shares.whole.n = shares.per_character.n = scores.size();
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto is_right = [&](ChoiceBy by) {
      return size_t{tasks[i].choices[chosen(format, tasks[i], scores[i], by)].right};
    };
    shares.per_token.n_right += is_right(ChoiceBy::per_token);
    shares.whole.n_right += is_right(ChoiceBy::whole);
    shares.per_character.n_right += is_right(ChoiceBy::per_character);
    double n_right = 0;
    for (const Choice& choice : tasks[i].choices) n_right += choice.right ? 1 : 0;
    shares.by_chance += n_right / static_cast<double>(tasks[i].choices.size() * scores.size());
  }
  return shares;
}

std::string choice_table(const ChoiceReport& report) {
  const ChoiceShares shares = choice_shares(report.format, report.tasks, report.scores);
  std::string out = fmt::format("{}: {} of {} tasks, {}\n", choice_format_name(report.format), report.tasks.size(),
                                report.n_in_file, report.model);
  out += line_of("likeliest per token (llama-perplexity's score)", shares.per_token);
  out += line_of("likeliest as a whole (acc of lm-eval)", shares.whole);
  // Winogrande's choices have the same continuation.
  if (report.format != ChoiceFormat::winogrande) {
    out += line_of("likeliest per character (acc_norm of lm-eval)", shares.per_character);
  }
  return out + fmt::format("{:<52} {:6.2f} %\n", "by chance", 100 * shares.by_chance);
}

std::string choice_json(const ChoiceReport& report) {
  const ChoiceShares shares = choice_shares(report.format, report.tasks, report.scores);
  Json tasks = Json::array();
  for (size_t i = 0; i < report.tasks.size(); ++i) tasks.push_back(task_object(report, i));
  const Json json = {{"format", choice_format_name(report.format)},
                     {"model", report.model},
                     {"n_tasks", report.tasks.size()},
                     {"n_tasks_in_file", report.n_in_file},
                     {"per_token", share_object(shares.per_token)},
                     {"acc", share_object(shares.whole)},
                     {"acc_norm", share_object(shares.per_character)},
                     {"by_chance", shares.by_chance},
                     {"tasks", std::move(tasks)}};
  // A file may carry any bytes as its name.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quipu::tools
