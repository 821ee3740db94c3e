#include "engine/scheduler/plan.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace quipu::engine {
namespace {

// A prompt that has read so much goes behind those that have not: short ones need not wait for the end of long ones.
constexpr size_t kTurnTokens = 1024;

using Jobs = std::vector<const PlanJob*>;

// Those of the client that had least come first.
auto order(std::span<const double> served) {
  return [served](const PlanJob* job) { return std::tuple(served[job->client], job->rank, job->id); };
}

bool generates(const PlanJob& job) {
  return job.n_tokens - job.n_computed == 1;
}

size_t pages(const PlanState& state, size_t n_tokens) {
  return (n_tokens + state.page_tokens - 1) / state.page_tokens;
}

// Pages that a job needs for `n` more tokens.
size_t more_pages(const PlanState& state, const PlanJob& job, size_t n) {
  return pages(state, job.n_computed + n) - pages(state, job.n_computed) + (job.copies ? 1 : 0);
}

class Placement {
 public:
  explicit Placement(const PlanState& state)
      : state_(state),
        served_(state.served.begin(), state.served.end()),
        n_running_of_(served_.size(), 0),
        n_available_(state.n_pages_available) {}

  Places plan() {
    for (const PlanJob& job : state_.jobs) {
      if (job.over) {
        places_.finish.push_back(job.id);
        if (job.running) n_available_ += job.n_own_pages;
      } else if (job.running) {
        running_.push_back(&job);
        n_running_of_[job.client]++;
      } else {
        waiting_.push_back(&job);
      }
    }
    std::ranges::sort(running_, {}, order(served_));
    make_room();
    if (state_.may_admit && places_.preempt.empty()) {
      make_way();
      admit();
    }
    return std::move(places_);
  }

 private:
  [[nodiscard]] Jobs::iterator next_waiting() { return std::ranges::min_element(waiting_, {}, order(served_)); }

  void preempt_last() {
    const PlanJob* job = running_.back();
    places_.preempt.push_back(job->id);
    running_.pop_back();
    n_running_of_[job->client]--;
    n_available_ += job->n_own_pages;
  }

  // Every answer finds the page for its next token, and the first job goes on whatever it does.
  void make_room() {
    const auto n_needed = [&] {
      size_t n = 0;
      for (const PlanJob* job : running_)
        if (generates(*job) || job == running_.front()) n += more_pages(state_, *job, 1);
      return n;
    };
    while (running_.size() > 1 && n_needed() > n_available_) preempt_last();
  }

  // One place a step, from the client that had most to the one that had least, if the two are far apart.
  void make_way() {
    if (waiting_.empty() || running_.size() < state_.n_parallel) return;
    const PlanJob* next = *next_waiting();
    const PlanJob* last = running_.back();
    if (n_running_of_[last->client] <= n_running_of_[next->client]) return;
    if (served_[last->client] - served_[next->client] > state_.fairness_lag) preempt_last();
  }

  // Only who finds room for all of its tokens, and a copy of a shared page, beside those that run gets in, so that it
  // need not leave at once. Nobody
  // overtakes one that is too large: it would starve.
  void admit() {
    size_t n_promised = 0;
    for (const PlanJob* job : running_) n_promised += more_pages(state_, *job, job->n_tokens + 1 - job->n_computed);
    while (!waiting_.empty() && running_.size() < state_.n_parallel) {
      const auto next = next_waiting();
      const PlanJob* job = *next;
      n_promised += pages(state_, job->n_tokens + 1) + 1;
      if (n_available_ < n_promised && !running_.empty()) return;
      places_.admit.push_back(job->id);
      served_[job->client] += static_cast<double>(job->n_tokens);  // until they are really charged
      waiting_.erase(next);
      running_.push_back(job);
    }
  }

  const PlanState& state_;
  std::vector<double> served_;
  std::vector<size_t> n_running_of_;
  Jobs running_, waiting_;
  size_t n_available_ = 0;
  Places places_;
};

class Reading {
 public:
  explicit Reading(const PlanState& state)
      : state_(state), n_available_(state.n_pages_available), budget_(state.budget) {}

  std::vector<PlanWork> plan() {
    Jobs prompts, answers;
    for (const PlanJob& job : state_.jobs) {
      if (!job.running || job.over) continue;
      (generates(job) ? answers : prompts).push_back(&job);
    }
    std::ranges::sort(answers, {}, order(state_.served));
    for (const PlanJob* job : answers) work(*job, std::min<size_t>(budget_, 1));
    // Where pages are scarce, the one that make_room() has kept a page for takes it before others can.
    const auto first = std::ranges::min_element(prompts, {}, order(state_.served));
    if (first != prompts.end() && n_available_ * state_.page_tokens < budget_) {
      read(**first, budget_);
      prompts.erase(first);
    }
    std::ranges::sort(prompts, {},
                      [](const PlanJob* job) { return std::tuple(job->n_read / kTurnTokens, job->admission); });
    // The oldest gets half whatever comes after it: a stream of short ones would never let it end.
    const auto oldest = std::ranges::min_element(prompts, {}, &PlanJob::admission);
    if (oldest != prompts.begin() && oldest != prompts.end()) {
      read(**oldest, budget_ / 2);
      prompts.erase(oldest);
    }
    for (const PlanJob* job : prompts) read(*job, budget_);
    return std::move(work_);
  }

 private:
  void work(const PlanJob& job, size_t n) {
    const size_t n_in_last_page = pages(state_, job.n_computed) * state_.page_tokens - job.n_computed;
    const size_t n_pages = n_available_ - std::min<size_t>(n_available_, job.copies ? 1 : 0);
    n = std::min(n, n_in_last_page + n_pages * state_.page_tokens);
    if (n == 0 || more_pages(state_, job, n) > n_available_) return;
    n_available_ -= more_pages(state_, job, n);
    budget_ -= n;
    work_.push_back({job.id, n});
  }

  // Up to `n` tokens, unless another reads the same page in this step: the next step finds it in the cache.
  void read(const PlanJob& job, size_t n) {
    n = std::min({n, job.n_tokens - job.n_computed, job.max_chunk});
    const auto names = job.page_names.subspan(std::min(job.n_computed / state_.page_tokens, job.page_names.size()));
    if (n == 0 || (!names.empty() && read_pages_.contains(names.front()))) return;
    work(job, n);
    read_pages_.insert(names.begin(), names.begin() + std::min(names.size(), n / state_.page_tokens + 1));
  }

  const PlanState& state_;
  size_t n_available_ = 0, budget_ = 0;
  std::set<uint64_t> read_pages_;
  std::vector<PlanWork> work_;
};

}  // namespace

Places plan_places(const PlanState& state) {
  return Placement(state).plan();
}

std::vector<PlanWork> plan_work(const PlanState& state) {
  return Reading(state).plan();
}

std::vector<uint64_t> plan_refusals(std::span<const PlanWaiting> waiting, size_t n_most) {
  std::vector<std::vector<uint64_t>> clients;
  for (const PlanWaiting& one : waiting) {
    clients.resize(std::max(clients.size(), one.client + 1));
    clients[one.client].push_back(one.id);
  }
  std::vector<uint64_t> refused;
  while (waiting.size() - refused.size() > n_most) {
    auto& most = *std::ranges::max_element(clients, {}, &std::vector<uint64_t>::size);
    refused.push_back(most.back());
    most.pop_back();
  }
  return refused;
}

}  // namespace quipu::engine
