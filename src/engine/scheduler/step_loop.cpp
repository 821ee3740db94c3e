#include "engine/scheduler/step_loop.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/check.h"
#include "engine/sequence_state.h"

namespace quipu::engine {
namespace {

// A step up in priority is worth so much waiting.
constexpr double kPriority_s = 10.0;
constexpr int32_t kMaxPriority = 8;

// What a token costs a client: one that is generated reads all weights for itself, or shares that with few.
constexpr double kPromptCost = 1.0, kAnswerCost = 2.0;

// Clients without requests whose accounts are kept.
constexpr size_t kMaxIdleClients = 1024;

// Fewer tokens than this in a step say little about the speed of reading, and make poor use of it.
constexpr size_t kMinChunk = 64;

// Of a step that nobody else waits for: whoever leaves is noticed, and whoever reads is told how far, after each.
constexpr double kLongestStep_ms = 1000.0;

// A name for each whole page of a prompt, and with `tail` for the last one, too, by FNV-1a over all tokens up to its
// end. An accidental equal costs a prompt one step of waiting and nothing else.
std::vector<uint64_t> page_names(std::span<const Token> prompt, size_t page_tokens, bool tail) {
  std::vector<uint64_t> names;
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < prompt.size(); i++) {
    hash = (hash ^ static_cast<uint32_t>(prompt[i])) * 0x100000001b3u;
    hash ^= hash >> 32;
    if ((i + 1) % page_tokens == 0 || (tail && i + 1 == prompt.size())) names.push_back(hash);
  }
  return names;
}

int32_t clamped(int32_t priority) {
  return std::clamp(priority, -kMaxPriority, kMaxPriority);
}

}  // namespace

StepLoop::StepLoop(Driver& driver, std::shared_ptr<backend::cpu::KvPool> pool, std::function<Sequence()> new_sequence,
                   std::function<double()> now_s, const StepOptions& options)
    : driver_(driver),
      pool_(std::move(pool)),
      new_sequence_(std::move(new_sequence)),
      now_s_(std::move(now_s)),
      options_(options),
      tree_(pool_),
      places_(options.n_parallel) {
  options_.n_batch = std::max(options_.n_batch, options_.n_parallel);
}

StepLoop::~StepLoop() = default;

void StepLoop::submit(JobSpec spec) {
  QUIPU_CHECK(!spec.prompt.empty());
  const JobId id = spec.id;
  Job job;
  job.client = client_of(spec.client);
  job.client->n_jobs++;
  job.rank = now_s_() - kPriority_s * clamped(spec.priority);
  job.tokens = spec.prompt;
  job.page_names = page_names(spec.prompt, pool_->shape().page_tokens, spec.share_tail);
  job.spec = std::move(spec);
  QUIPU_CHECK(jobs_.emplace(id, std::move(job)).second);
}

bool StepLoop::cancel(JobId id) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return false;
  job->second.cancelled = true;
  return true;
}

// Whoever comes back has no claim for the time it was away: it begins where the least served of the others is.
StepLoop::Client* StepLoop::client_of(const std::string& name) {
  double least = INFINITY;
  for (const auto& [other, client] : clients_)
    if (client.n_jobs > 0) least = std::min(least, client.served);
  const auto unknown = [&] { return !clients_.contains(name); };
  if (unknown() && clients_.size() >= kMaxIdleClients)
    std::erase_if(clients_, [](auto& c) { return c.second.n_jobs == 0; });
  Client& client = clients_[name];
  if (client.n_jobs == 0) client.served = std::isinf(least) ? 0.0 : std::max(client.served, least);
  return &client;
}

double StepLoop::served(const std::string& client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? 0.0 : found->second.served;
}

StepLoop::Known StepLoop::known() const {
  Known known;
  std::map<const Client*, size_t> index;
  const double now = now_s_();
  for (const auto& [id, job] : jobs_) {
    const auto [client, added] = index.emplace(job.client, known.served.size());
    if (added) known.served.push_back(job.client->served);
    PlanJob plan;
    plan.id = id;
    plan.client = client->second;
    plan.rank = job.rank;
    plan.over = job.cancelled || now >= job.spec.deadline_s;
    plan.running = job.sequence.has_value();
    plan.admission = job.admission;
    plan.n_tokens = job.tokens.size();
    plan.n_computed = job.n_computed();
    plan.n_read = job.n_read;
    if (job.sequence) {
      const auto pages = job.sequence->state().kv->shared_pages();
      plan.n_own_pages = pool_->n_own(pages);
      plan.copies = plan.n_computed % pool_->shape().page_tokens != 0 && pool_->n_own(pages.last(1)) == 0;
    }
    plan.page_names = job.page_names;
    plan.max_chunk = job.spec.max_chunk;
    known.jobs.push_back(plan);
  }
  PlanState& state = known.state;
  state.jobs = known.jobs;
  state.served = known.served;
  state.n_parallel = options_.n_parallel;
  state.budget = budget_;
  state.page_tokens = pool_->shape().page_tokens;
  state.n_pages_available = pool_->max_pages() - pool_->n_used() + pool_->n_idle();
  state.fairness_lag = options_.fairness_lag;
  return known;
}

bool StepLoop::step() {
  if (jobs_.empty()) return false;
  for (Job* job : running_)
    if (job->passed_over) catch_up(*job);
  // What is carried out changes what is known: who gets a place may find its prompt in the cache, and share pages with
  // others that it must copy. The last round only makes room.
  constexpr int kRounds = 3;
  bool may_admit = true;
  for (int round = 0; round < kRounds; round++) {
    Known now = known();
    now.state.may_admit = may_admit && round + 1 < kRounds;
    const Places places = plan_places(now.state);
    if (!carry_out(places)) break;
    may_admit = places.preempt.empty();
  }
  n_step_tokens_ = 0;
  if (running_.empty()) return true;
  budget_ = step_budget();
  compute(plan_work(known().state));
  return true;
}

bool StepLoop::carry_out(const Places& places) {
  for (const JobId id : places.finish)
    end(id, jobs_.at(id).cancelled ? JobEnd::cancelled : JobEnd::deadline, std::nullopt, {});
  for (const JobId id : places.preempt) preempt(jobs_.at(id));
  for (const JobId id : places.admit) admit(jobs_.at(id));
  return !places.finish.empty() || !places.preempt.empty() || !places.admit.empty();
}

void StepLoop::admit(Job& job) {
  const auto free = std::ranges::find_if(places_, [](const Place& place) { return !place.job; });
  QUIPU_CHECK(free != places_.end());
  job.place = static_cast<uint32_t>(free - places_.begin());
  free->job = job.spec.id;
  free->tokens.clear();
  job.admission = ++n_admissions_;
  job.n_read = 0;
  job.sequence = cached_sequence(job.tokens, driver_.n_reusable(job.spec.id, job.tokens.size()));
  running_.push_back(&job);
  driver_.on_start(job.spec.id, job.place, job.n_computed());
}

Sequence StepLoop::cached_sequence(std::span<const Token> tokens, size_t n_reusable) {
  Sequence sequence = new_sequence_();
  const auto match = tree_.match(tokens.first(n_reusable));
  sequence.state().kv->share(0, match.pages, static_cast<uint32_t>(match.n_tokens));
  sequence.state().tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(match.n_tokens));
  return sequence;
}

void StepLoop::catch_up(Job& job) {
  const size_t n_reusable = driver_.n_reusable(job.spec.id, job.tokens.size());
  if (n_reusable <= job.n_computed()) return;
  Sequence known = cached_sequence(job.tokens, n_reusable);
  if (known.tokens().size() > job.n_computed()) job.sequence = std::move(known);
}

void StepLoop::release(Job& job) {
  tree_.insert(job.sequence->tokens(), *job.sequence->state().kv, true);
  Place& place = places_[job.place];
  place.job.reset();
  place.tokens.assign(job.sequence->tokens().begin(), job.sequence->tokens().end());
  job.sequence.reset();
  std::erase(running_, &job);
  const auto limit = static_cast<size_t>(options_.cached_share * static_cast<double>(pool_->max_pages()));
  if (const size_t n_idle = pool_->n_idle(); n_idle > limit) tree_.drop(n_idle - limit);
}

void StepLoop::preempt(Job& job) {
  n_preemptions_++;
  release(job);
}

void StepLoop::end(JobId id, JobEnd end, std::optional<Finish> finish, const Status& error) {
  const auto job = jobs_.find(id);
  if (job->second.sequence) release(job->second);
  job->second.client->n_jobs--;
  jobs_.erase(job);
  driver_.on_end(id, end, finish, error);
}

// While others wait for their next tokens, a step takes about as long as they can bear. The first one finds out how
// fast this machine reads.
size_t StepLoop::step_budget() const {
  size_t n_generating = 0;
  for (const Job* job : running_) n_generating += job->tokens.size() - job->n_computed() == 1 ? 1 : 0;
  const double longest_ms = n_generating > 0 ? options_.step_ms : std::max(options_.step_ms, kLongestStep_ms);
  const double n_tokens =
      token_ms_ > 0.0 ? std::min(longest_ms / token_ms_, static_cast<double>(options_.n_batch)) : 0.0;
  const size_t least = std::min<size_t>(kMinChunk + n_generating, options_.n_batch);
  return std::max(static_cast<size_t>(n_tokens), least);
}

// Pages for `n` more tokens: free ones, cached ones, or the cache's own use of the page that is to be written.
bool StepLoop::reserve(Job& job, size_t n) {
  model::KvSequence& kv = *job.sequence->state().kv;
  const size_t page_tokens = pool_->shape().page_tokens;
  // One more for the copy of a shared page.
  const size_t n_needed = (kv.size() + n + page_tokens - 1) / page_tokens - kv.shared_pages().size() + 1;
  const size_t n_free = pool_->max_pages() - pool_->n_used();
  if (n_needed > n_free) tree_.drop(n_needed - n_free);
  if (kv.reserve(static_cast<uint32_t>(n)).ok()) return true;
  tree_.forget(job.sequence->tokens());
  return kv.reserve(static_cast<uint32_t>(n)).ok();
}

void StepLoop::compute(const std::vector<PlanWork>& work) {
  for (Job* job : running_) job->passed_over = true;
  std::vector<JobStep> steps;
  for (const PlanWork& planned : work) {
    Job& job = jobs_.at(planned.id);
    if (!reserve(job, planned.n_tokens)) continue;
    job.passed_over = false;
    JobStep step;
    step.job = planned.id;
    step.sequence = &*job.sequence;
    step.begin = job.n_computed();
    step.tokens = std::span(job.tokens).subspan(step.begin, planned.n_tokens);
    step.samples = step.begin + planned.n_tokens == job.tokens.size();
    steps.push_back(step);
    n_step_tokens_ += planned.n_tokens;
  }
  if (steps.empty()) {
    // The pages are in the hands of others than the jobs. The last one that was admitted has least to lose.
    const auto last = std::ranges::max_element(running_, {}, &Job::admission);
    return end((*last)->spec.id, JobEnd::failed, std::nullopt,
               error_of(ErrorKind::out_of_memory, "the KV cache is full: all {} pages are in use", pool_->max_pages()));
  }
  const double begin_s = now_s_();
  const Status status = driver_.run(steps);
  if (!status.ok()) {
    for (const JobStep& step : steps) end(step.job, JobEnd::failed, std::nullopt, status);
    return;
  }
  if (n_step_tokens_ >= kMinChunk) {
    const double token_ms = 1000.0 * (now_s_() - begin_s) / static_cast<double>(n_step_tokens_);
    token_ms_ = token_ms_ <= 0.0 ? token_ms : 0.75 * token_ms_ + 0.25 * token_ms;
  }
  for (const JobStep& step : steps) after(step, jobs_.at(step.job));
}

// What a job has computed is charged once, however often it has to be computed again.
void StepLoop::charge(Job& job, size_t begin) {
  const size_t computed = job.n_computed(), n_prompt = job.spec.prompt.size();
  const size_t from = std::max(job.n_charged, begin);
  job.n_charged = std::max(job.n_charged, computed);
  if (computed <= from) return;
  const size_t n_answer = computed - std::min(computed, std::max(from, n_prompt));
  const double cost =
      kPromptCost * static_cast<double>(computed - from - n_answer) + kAnswerCost * static_cast<double>(n_answer);
  job.client->served += std::ldexp(cost, -clamped(job.spec.priority));
}

void StepLoop::after(const JobStep& step, Job& job) {
  const size_t page_tokens = pool_->shape().page_tokens;
  if (step.begin < job.spec.prompt.size()) job.n_read += step.tokens.size();
  charge(job, step.begin);
  const size_t computed = job.n_computed();
  const bool tail = job.spec.share_tail && computed == job.spec.prompt.size();
  if (computed / page_tokens > step.begin / page_tokens || tail)
    tree_.insert(job.sequence->tokens(), *job.sequence->state().kv, tail);
  if (!step.samples) return;
  if (step.ended) return end(step.job, JobEnd::finished, step.ended, {});
  job.tokens.push_back(*step.next);
  if (job.tokens.size() > options_.n_ctx) end(step.job, JobEnd::finished, Finish::context_full, {});
}

std::vector<StepLoop::Place> StepLoop::places() const {
  std::vector<Place> places = places_;
  for (const Job* job : running_) {
    places[job->place].tokens = job->tokens;
    places[job->place].n_computed = job->n_computed();
  }
  return places;
}

Result<Sequence> StepLoop::sequence_of(uint32_t place) {
  for (const Job* job : running_)
    if (job->place == place) return job->sequence->fork();
  Sequence sequence = cached_sequence(places_[place].tokens, places_[place].tokens.size());
  if (sequence.tokens().empty())
    return error_of(ErrorKind::not_found, "slot {} holds nothing, or it is not cached any more", place);
  return sequence;
}

size_t StepLoop::put(Sequence sequence) {
  tree_.insert(sequence.tokens(), *sequence.state().kv, true);
  return sequence.tokens().size();
}

size_t StepLoop::put(uint32_t place, Sequence sequence) {
  places_[place].tokens.assign(sequence.tokens().begin(), sequence.tokens().end());
  return put(std::move(sequence));
}

size_t StepLoop::forget(uint32_t place) {
  if (places_[place].job) return 0;
  const auto tokens = std::exchange(places_[place].tokens, {});
  tree_.forget(tokens);
  return tokens.size();
}

}  // namespace quipu::engine
