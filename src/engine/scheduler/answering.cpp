#include "engine/scheduler/answering.h"

#include <algorithm>

#include "base/check.h"
#include "base/random.h"
#include "engine/scheduler/plan.h"

namespace quipu::engine {
namespace {

Status check(const Engine& engine, const Request& request) {
  QUIPU_CHECK_OK(check_prompt(engine, request.prompt));
  if (request.n_answers == 0) return invalid_input("a request for 0 answers");
  if (!(request.timeout_ms > 0.0)) return invalid_input("a timeout of {} ms", request.timeout_ms);
  if (request.prompt_logprobs_begin && *request.prompt_logprobs_begin > request.prompt.size())
    return invalid_input("log-probabilities from position {} of a prompt of {} tokens", *request.prompt_logprobs_begin,
                         request.prompt.size());
  if (!request.embedding) return {};
  if (request.n_answers > 1 || request.logprobs || request.n_top_logprobs > 0 || request.prompt_logprobs_begin)
    return invalid_input("an embedding comes alone: without further answers and log-probabilities");
  return {};
}

TokenLogprobs logprobs_of(const sample::LogSoftmax& softmax, Token token, uint32_t n_top) {
  return {softmax.logprob(token), softmax.top(n_top)};
}

double since(double begin_s, double now_s) {
  return begin_s < 0.0 ? 0.0 : 1000.0 * (now_s - begin_s);
}

}  // namespace

Answering::Answering(Engine& engine, uint32_t n_places, std::function<double()> now_s)
    : engine_(engine), now_s_(std::move(now_s)), slots_(n_places) {
  for (uint32_t i = 0; i < n_places; i++) slots_[i].id = i;
}

Result<std::vector<std::unique_ptr<OpenAnswer>>> Answering::open(const Engine& engine,
                                                                 const std::shared_ptr<OpenRequest>& request) {
  const Request& asked = request->request;
  QUIPU_CHECK_OK(check(engine, asked));
  std::vector<std::unique_ptr<OpenAnswer>> answers;
  GenerateOptions options = asked.options;
  if (options.sampling.seed == UINT64_MAX) options.sampling.seed = random_seed();
  request->result.seed = options.sampling.seed;
  for (uint32_t i = 0; i < asked.n_answers; i++) {
    auto open = std::make_unique<OpenAnswer>();
    open->request = request;
    open->index = i;
    options.sampling.seed = request->result.seed + i;
    if (options.sampling.seed == UINT64_MAX) options.sampling.seed = i;  // UINT64_MAX would be drawn again
    if (!asked.embedding) {
      const auto keep = [target = open.get()](std::string_view text) {
        target->text += text;
        return true;
      };
      QUIPU_TRY(open->answer, Answer::create(engine.model(), options, keep));
      open->answer->accept_prompt(asked.prompt);
    }
    answers.push_back(std::move(open));
  }
  request->n_open = asked.n_answers;
  if (!asked.embedding) request->result.answers.resize(asked.n_answers);
  request->result.usage.n_prompt = asked.prompt.size();
  return answers;
}

std::vector<JobId> Answering::jobs_of(RequestId id) const {
  std::vector<JobId> jobs;
  for (const auto& [job, open] : answers_)
    if (open->request->id == id) jobs.push_back(job);
  return jobs;
}

std::vector<JobId> Answering::jobs() const {
  std::vector<JobId> jobs;
  for (const auto& [job, open] : answers_) jobs.push_back(job);
  return jobs;
}

std::map<std::string, size_t> Answering::waiting() const {
  std::map<std::string, size_t> waiting;
  for (const auto& [job, open] : answers_)
    if (open->started_s < 0.0) waiting[open->request->request.client]++;
  return waiting;
}

void Answering::refuse_beyond(size_t n_most) {
  std::map<std::string_view, size_t> clients;
  std::vector<PlanWaiting> waiting;
  for (const auto& [job, open] : answers_) {
    if (open->request->started_s >= 0.0) continue;
    const auto client = clients.emplace(open->request->request.client, clients.size()).first->second;
    waiting.push_back({job, client});
  }
  for (const JobId job : plan_refusals(waiting, n_most)) {
    OpenRequest& request = *answers_.at(job)->request;
    request.error = error_of(ErrorKind::busy, "{} answers wait already; try again later", waiting.size());
    for (const JobId each : jobs_of(request.id)) loop_->cancel(each);
  }
}

size_t Answering::n_reusable(JobId job, size_t n_tokens) {
  const OpenAnswer& open = *answers_.at(job);
  const OpenRequest& request = *open.request;
  if (!request.request.reuse_prefix) return 0;
  if (request.request.embedding == Pooling::mean) return std::min(request.n_pooled, n_tokens - 1);
  if (!wants_logprobs(open) || request.n_logprobs >= request.request.prompt.size()) return n_tokens - 1;
  // The log-probability of a token comes from the position before it.
  const size_t next = std::max({request.n_logprobs, *request.request.prompt_logprobs_begin, size_t{1}});
  return std::min(next - 1, n_tokens - 1);
}

Work Answering::work_of(const JobStep& step) const {
  const OpenAnswer& open = *answers_.at(step.job);
  const auto pooling = open.request->request.embedding;
  Work work{step.sequence, step.tokens, step.samples ? Work::Logits::last : Work::Logits::none, pooling.has_value()};
  const bool all =
      pooling == Pooling::mean || (wants_logprobs(open) && step.begin < open.request->request.prompt.size());
  if (all) work.logits = Work::Logits::all;
  return work;
}

Answering::Outcome Answering::outcome_of(const ResultRow& row, const JobStep& step, OpenAnswer& open) const {
  const Request& request = open.request->request;
  const size_t next = step.begin + row.position + 1;
  const bool samples = step.samples && row.position + 1 == step.tokens.size();
  Outcome outcome;
  outcome.position = row.position;
  if (request.embedding) {
    if (samples) outcome.ended = Finish::end;
    return outcome;
  }
  const bool of_prompt = next < request.prompt.size() && wants_logprobs(open) && next >= open.request->n_logprobs &&
                         next >= *request.prompt_logprobs_begin;
  std::optional<Token> token;
  if (of_prompt) token = request.prompt[next];
  if (samples) {
    const size_t n_before = open.answer->tokens().size();
    auto drawn = open.answer->next(row.values);
    if (!drawn.ok()) {
      outcome.error = drawn.error();
      return outcome;
    }
    outcome.next = *drawn;
    if (!*drawn) outcome.ended = open.answer->finish_reason();
    if (request.logprobs && open.answer->tokens().size() > n_before) token = open.answer->tokens().back();
  }
  if (!token) return outcome;
  const auto softmax = sample::LogSoftmax::of(row.values);
  if (softmax.ok())
    outcome.logprobs = logprobs_of(*softmax, *token, request.n_top_logprobs);
  else
    outcome.error = softmax.error();
  return outcome;
}

void Answering::pool(const ResultRow& row, OpenRequest& request) const {
  const auto pooling = request.request.embedding;
  if (pooling == Pooling::last) request.pooled.assign(row.values.begin(), row.values.end());
  if (pooling != Pooling::mean) return;
  // In the order of positions, so that the sum does not depend on the steps.
  request.pooled.resize(row.values.size(), 0.0);
  for (size_t i = 0; i < row.values.size(); i++) request.pooled[i] += static_cast<double>(row.values[i]);
  request.n_pooled++;
}

Status Answering::run(std::span<JobStep> steps) {
  std::vector<Work> work;
  for (const JobStep& step : steps) work.push_back(work_of(step));
  const double begin_s = now_s_();
  // A step's tokens may be more than a forward pass takes: its rows then come in several calls.
  std::vector<std::vector<Outcome>> outcomes(steps.size());
  const auto on_rows = [&](std::span<const ResultRow> results) {
    std::vector<Outcome> found(results.size());
    engine_.parallel(results.size(), [&](size_t i) {
      const JobStep& step = steps[results[i].index];
      found[i] = outcome_of(results[i], step, *answers_.at(step.job));
    });
    for (size_t i = 0; i < results.size(); i++) {
      const size_t index = results[i].index;
      pool(results[i], *answers_.at(steps[index].job)->request);
      outcomes[index].push_back(std::move(found[i]));
    }
  };
  QUIPU_CHECK_OK(engine_.decode_rows(work, on_rows));
  count_time(steps, now_s_() - begin_s);
  for (size_t i = 0; i < steps.size(); i++) after(steps[i], outcomes[i]);
  return {};
}

void Answering::count_time(std::span<const JobStep> steps, double seconds) {
  size_t n_prompt = 0, n_answer = 0;
  for (const JobStep& step : steps) (step.tokens.size() > 1 ? n_prompt : n_answer) += step.tokens.size();
  const double share = static_cast<double>(n_prompt) / static_cast<double>(n_prompt + n_answer);
  stats_.prompt_s += seconds * share;
  stats_.generation_s += seconds * (1.0 - share);
  stats_.n_steps++;
  stats_.n_step_tokens += n_prompt + n_answer;
}

void Answering::after(JobStep& step, std::span<Outcome> outcomes) {
  OpenAnswer& open = *answers_.at(step.job);
  slots_[open.place].n_computed = step.begin + step.tokens.size();
  if (step.begin < open.request->request.prompt.size()) tell_prompt(step, outcomes, open);
  for (const Outcome& outcome : outcomes) {
    if (!outcome.error) continue;
    open.request->error = outcome.error;
    step.ended = Finish::cancelled;
    return;
  }
  if (!step.samples) return;
  QUIPU_CHECK(!outcomes.empty() && outcomes.back().position + 1 == step.tokens.size());
  Outcome& last = outcomes.back();
  step.next = last.next;
  step.ended = last.ended;
  if (open.request->request.embedding) return;
  const auto tokens = open.answer->tokens();
  open.n_drawn++;
  stats_.n_generated_tokens++;
  slots_[open.place].n_generated = tokens.size();
  const bool drew = tokens.size() > open.n_told;  // else the one that was drawn ended the answer
  open.n_told = tokens.size();
  tell_token(open, drew ? std::optional(tokens.back()) : std::nullopt, last.logprobs);
}

void Answering::tell_prompt(const JobStep& step, std::span<Outcome> outcomes, OpenAnswer& open) {
  OpenRequest& request = *open.request;
  const size_t n_prompt = request.request.prompt.size();
  const size_t n_done = std::min(step.begin + step.tokens.size(), n_prompt);
  if (open.index == 0 && request.listener.on_prompt) request.listener.on_prompt(n_done, n_prompt);
  if (!wants_logprobs(open)) return;
  std::vector<TokenLogprobs> logprobs;
  const size_t first = std::max(request.n_logprobs, *request.request.prompt_logprobs_begin);
  if (first == 0) logprobs.emplace_back();  // nothing comes before the first token
  for (size_t i = 0; i < outcomes.size(); i++) {
    const size_t next = step.begin + i + 1;
    if (next < n_prompt && next >= std::max(first, size_t{1})) logprobs.push_back(std::move(outcomes[i].logprobs));
  }
  request.n_logprobs = std::max(request.n_logprobs, std::min(step.begin + outcomes.size() + 1, n_prompt));
  if (!logprobs.empty() && request.listener.on_prompt_logprobs) request.listener.on_prompt_logprobs(first, logprobs);
}

void Answering::tell_token(OpenAnswer& open, std::optional<Token> token, const TokenLogprobs& logprobs) {
  const double now = now_s_();
  OpenRequest& request = *open.request;
  if (token) {
    if (request.first_token_s < 0.0) {
      request.first_token_s = now;
      stats_.first_token.add(now - request.submitted_s);
    }
    if (open.first_token_s < 0.0) open.first_token_s = now;
    if (open.last_token_s >= 0.0) stats_.between_tokens.add(now - open.last_token_s);
    open.last_token_s = now;
  }
  const std::string text = std::exchange(open.text, {});
  if ((token || !text.empty()) && request.listener.on_token)
    request.listener.on_token({open.index, token, text, &logprobs});
}

void Answering::on_start(JobId job, uint32_t place, size_t n_cached) {
  OpenAnswer& open = *answers_.at(job);
  OpenRequest& request = *open.request;
  const size_t n_prompt = request.request.prompt.size();
  open.place = place;
  const double now = now_s_();
  if (open.started_s < 0.0) {
    open.started_s = now;
    open.n_cached = std::min(n_cached, n_prompt);
    stats_.n_prompt_tokens += n_prompt;
    stats_.n_cached_tokens += open.n_cached;
    stats_.n_prefix_lookups++;
    stats_.n_prefix_hits += n_cached > 0 ? 1 : 0;
  }
  if (request.started_s < 0.0) {
    request.started_s = now;
    request.result.usage.n_cached = open.n_cached;
    stats_.queue.add(now - request.submitted_s);
  }
  Slot& slot = slots_[place];
  slot.busy = true;
  slot.request = request.id;
  slot.answer = open.index;
  slot.client = request.request.client;
  slot.n_prompt = n_prompt;
  slot.n_cached = open.n_cached;
  slot.n_computed = n_cached;
  slot.n_generated = open.answer ? open.answer->tokens().size() : 0;
}

void Answering::on_end(JobId job, JobEnd end, std::optional<Finish> finish_reason, const Status& error) {
  const auto found = answers_.find(job);
  const std::unique_ptr<OpenAnswer> open = std::move(found->second);
  answers_.erase(found);
  OpenRequest& request = *open->request;
  if (open->started_s >= 0.0) slots_[open->place].busy = false;
  if (end == JobEnd::failed) request.error = error.error();
  if (request.request.embedding && end == JobEnd::cancelled)
    request.error = error_of(ErrorKind::cancelled, "cancelled");
  if (request.request.embedding && end == JobEnd::deadline)
    request.error = error_of(ErrorKind::limit_exceeded, "not done within {} ms", request.request.timeout_ms);
  if (open->answer) {
    if (end == JobEnd::cancelled)
      open->answer->end(Finish::cancelled);
    else if (end == JobEnd::deadline)
      open->answer->end(Finish::deadline);
    else if (finish_reason)
      open->answer->end(*finish_reason);
    Generated generated = open->answer->finish();
    const double now = now_s_();
    generated.n_prompt = request.request.prompt.size();
    generated.n_cached = open->n_cached;
    generated.prompt_ms =
        open->started_s < 0.0 ? 0.0 : since(open->started_s, open->first_token_s < 0.0 ? now : open->first_token_s);
    generated.generation_ms = since(open->first_token_s, now);
    request.result.usage.n_generated += open->n_drawn;
    tell_token(*open, std::nullopt, {});
    if (!request.error && request.listener.on_answer) request.listener.on_answer(open->index, generated);
    request.result.answers[open->index] = std::move(generated);
  }
  if (request.error && loop_ != nullptr)
    for (const JobId other : jobs_of(request.id)) loop_->cancel(other);
  if (--request.n_open > 0) return;
  if (request.error && request.error->kind == ErrorKind::busy)
    stats_.n_rejected++;
  else if (request.error && request.error->kind != ErrorKind::cancelled)
    stats_.n_failed++;
  else if (end == JobEnd::cancelled)
    stats_.n_cancelled++;
  else if (end == JobEnd::deadline)
    stats_.n_deadline++;
  else
    stats_.n_finished++;
  finish(open->request);
}

void Answering::finish(std::shared_ptr<OpenRequest> request) {
  const double now = now_s_();
  Usage& usage = request->result.usage;
  usage.queue_ms = since(request->submitted_s, request->started_s < 0.0 ? now : request->started_s);
  usage.prompt_ms = since(request->started_s, request->first_token_s < 0.0 ? now : request->first_token_s);
  usage.generation_ms = since(request->first_token_s, now);
  stats_.total.add(now - request->submitted_s);
  if (request->request.embedding) {
    const bool mean = request->request.embedding == Pooling::mean;
    const double n = mean ? static_cast<double>(std::max<size_t>(request->n_pooled, 1)) : 1.0;
    for (const double x : request->pooled) request->result.embedding.push_back(static_cast<float>(x / n));
  }
  done_.push_back(std::move(request));
}

void Answering::tell_done() {
  for (const auto& request : std::exchange(done_, {})) {
    if (!request->listener.on_done) continue;
    if (request->error)
      request->listener.on_done(*request->error);
    else
      request->listener.on_done(std::move(request->result));
  }
}

}  // namespace quipu::engine
