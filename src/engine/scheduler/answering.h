// The driver of the step loop that really computes: forward passes, sampling, and what the listeners hear of it.
// For the scheduler's thread alone, but for admit().
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/answer.h"
#include "engine/scheduler.h"
#include "engine/scheduler/step_loop.h"

namespace quipu::engine {

// A request with all its answers, from submit() to on_done.
struct OpenRequest {
  RequestId id = 0;
  Request request;
  Listener listener;
  double submitted_s = 0.0, started_s = -1.0, first_token_s = -1.0;  // below 0: not yet
  size_t n_open = 0;                                                 // answers that are not over
  std::optional<Error> error;
  Answered result;

  // Of the prompt: log-probabilities up to this position were handed out, hidden states were added up.
  size_t n_logprobs = 0, n_pooled = 0;
  std::vector<double> pooled;  // [n_embd]
};

// One answer of a request: a job of the step loop.
struct OpenAnswer {
  std::shared_ptr<OpenRequest> request;
  uint32_t index = 0;
  std::optional<Answer> answer;  // none for an embedding
  std::string text;              // that the last token brought
  uint32_t place = 0;
  size_t n_cached = 0, n_drawn = 0, n_told = 0;
  double started_s = -1.0, first_token_s = -1.0, last_token_s = -1.0;  // below 0: not yet
};

class Answering final : public Driver {
 public:
  Answering(Engine& engine, uint32_t n_places, std::function<double()> now_s);
  // The loop that drives it: when an answer fails, those of the same request end, too.
  void set_loop(StepLoop& loop) { loop_ = &loop; }

  // Checks the request and makes its answers' samplers. From any thread.
  static Result<std::vector<std::unique_ptr<OpenAnswer>>> open(const Engine& engine,
                                                               const std::shared_ptr<OpenRequest>& request);
  void add(JobId id, std::unique_ptr<OpenAnswer> answer) { answers_.emplace(id, std::move(answer)); }
  // Counters, without those that the step loop keeps.
  SchedulerStats& stats() { return stats_; }
  [[nodiscard]] const std::vector<Slot>& slots() const { return slots_; }
  // Calls on_done for the requests that have come to their end.
  void tell_done();
  // The jobs of a request.
  [[nodiscard]] std::vector<JobId> jobs_of(RequestId id) const;
  [[nodiscard]] std::vector<JobId> jobs() const;
  // Answers that wait for their first step, by client.
  [[nodiscard]] std::map<std::string, size_t> waiting() const;
  // Refuses requests that have not begun, so that at most `n_most` such answers wait: their on_done gets `busy`.
  void refuse_beyond(size_t n_most);

  size_t n_reusable(JobId job, size_t n_tokens) override;
  Status run(std::span<JobStep> steps) override;
  void on_start(JobId job, uint32_t place, size_t n_cached) override;
  void on_end(JobId job, JobEnd end, std::optional<Finish> finish, const Status& error) override;

 private:
  // What a row of results says, found on any thread.
  struct Outcome {
    size_t position = 0;  // in the step's tokens
    TokenLogprobs logprobs;
    std::optional<Token> next;
    std::optional<Finish> ended;
    std::optional<Error> error;
  };
  Outcome outcome_of(const ResultRow& row, const JobStep& step, OpenAnswer& open) const;
  void pool(const ResultRow& row, OpenRequest& request) const;
  Work work_of(const JobStep& step) const;
  void after(JobStep& step, std::span<Outcome> outcomes);
  static void tell_prompt(const JobStep& step, std::span<Outcome> outcomes, OpenAnswer& open);
  void tell_token(OpenAnswer& open, std::optional<Token> token, const TokenLogprobs& logprobs);
  void count_time(std::span<const JobStep> steps, double seconds);
  void finish(std::shared_ptr<OpenRequest> request);
  static bool wants_logprobs(const OpenAnswer& open) {
    return open.index == 0 && open.request->request.prompt_logprobs_begin.has_value();
  }

  Engine& engine_;
  std::function<double()> now_s_;
  StepLoop* loop_ = nullptr;
  SchedulerStats stats_;
  std::vector<Slot> slots_;
  std::map<JobId, std::unique_ptr<OpenAnswer>> answers_;
  std::vector<std::shared_ptr<OpenRequest>> done_;
};

}  // namespace quipu::engine
