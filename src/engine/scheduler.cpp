#include "engine/scheduler.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "engine/engine_state.h"
#include "engine/scheduler/answering.h"
#include "engine/scheduler/step_loop.h"

namespace quipu::engine {
namespace {

// Of a prompt whose log-probabilities are wanted, in one step: at 128k tokens of vocabulary this is 64 MiB of logits.
constexpr size_t kMaxLogprobRows = 128;

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

StepOptions step_options(const Engine& engine, const SchedulerOptions& options) {
  StepOptions step;
  step.n_parallel = options.n_parallel;
  step.n_batch = options.n_batch;
  step.n_ctx = engine.n_ctx();
  step.step_ms = options.step_ms;
  step.cached_share = options.cached_share;
  step.fairness_lag = options.fairness_lag;
  return step;
}

}  // namespace

void Histogram::add(double seconds) {
  const auto bound = std::ranges::lower_bound(kBounds_s, seconds);
  counts[static_cast<size_t>(bound - kBounds_s.begin())]++;
  sum_s += seconds;
  count++;
}

// `mutex` guards what other threads leave for the scheduler's thread, and what it leaves for them. The step loop and
// the answers belong to that thread.
struct Scheduler::State {
  struct Submitted {
    std::shared_ptr<OpenRequest> request;
    std::vector<std::unique_ptr<OpenAnswer>> answers;
  };

  State(Engine& engine_used, const SchedulerOptions& chosen)
      : engine(engine_used),
        options(chosen),
        answering(engine_used, chosen.n_parallel, steady_s),
        loop(
            answering, engine_used.state_->pool, [this] { return engine.new_sequence(); }, steady_s,
            step_options(engine_used, chosen)) {
    answering.set_loop(loop);
    slots = answering.slots();
  }

  void run();
  // Whether a client may submit so many answers. With the lock.
  [[nodiscard]] Status room(const std::string& client, size_t n_answers);
  // What others left since the last step. With the lock.
  void take_in(std::unique_lock<std::mutex>& lock);
  void publish();
  // Runs `what` on the scheduler's thread, between two steps.
  template <typename What>
  auto between_steps(What what) -> decltype(what());
  // What a file holds; where there is no room for it, what is only cached goes.
  Result<Sequence> restore(const std::filesystem::path& path);

  Engine& engine;
  const SchedulerOptions options;
  Answering answering;
  StepLoop loop;
  JobId n_jobs = 0;

  mutable std::mutex mutex;
  std::condition_variable work_came, all_done;
  std::vector<Submitted> submitted;
  std::vector<RequestId> cancelled;
  std::deque<std::function<void()>> commands;
  bool closed = false, leave = false, idle = true;
  RequestId n_requests = 0;
  size_t n_submitted = 0;                 // answers in `submitted`
  std::map<std::string, size_t> waiting;  // answers that have not begun, by client, also those in `submitted`
  uint64_t n_rejected = 0;
  SchedulerStats stats;
  std::vector<Slot> slots;

  std::thread thread;
};

void Scheduler::State::take_in(std::unique_lock<std::mutex>& lock) {
  auto requests = std::exchange(submitted, {});
  const auto ids = std::exchange(cancelled, {});
  const auto to_run = std::exchange(commands, {});
  const bool leaves = leave;
  stats.n_waiting += std::exchange(n_submitted, 0);  // until the next publish() they count as waiting
  lock.unlock();
  for (Submitted& one : requests) {
    const Request& asked = one.request->request;
    for (auto& open : one.answers) {
      JobSpec spec;
      spec.id = ++n_jobs;
      spec.client = asked.client;
      spec.priority = asked.priority;
      spec.deadline_s = one.request->submitted_s + asked.timeout_ms / 1000.0;
      spec.prompt = asked.prompt;
      spec.share_tail = asked.n_answers > 1;
      if (asked.prompt_logprobs_begin) spec.max_chunk = kMaxLogprobRows;
      answering.add(spec.id, std::move(open));
      loop.submit(std::move(spec));
    }
  }
  for (const RequestId id : ids)
    for (const JobId job : answering.jobs_of(id)) loop.cancel(job);
  if (leaves)
    for (const JobId job : answering.jobs()) loop.cancel(job);
  answering.refuse_beyond(options.n_queue + options.n_parallel -
                          std::min<size_t>(options.n_parallel, loop.n_running()));
  for (const auto& command : to_run) command();
  lock.lock();
}

void Scheduler::State::publish() {
  const auto& pool = *engine.state_->pool;
  SchedulerStats now = answering.stats();
  now.n_preemptions = loop.n_preemptions();
  now.n_waiting = loop.n_waiting();
  now.n_running = loop.n_running();
  now.n_pages = pool.max_pages();
  now.n_pages_used = pool.n_used();
  now.n_pages_cached = pool.n_idle();
  now.page_bytes = pool.shape().page_bytes();
  now.page_tokens = pool.shape().page_tokens;
  stats = now;
  slots = answering.slots();
  waiting = answering.waiting();
  for (const Submitted& one : submitted) waiting[one.request->request.client] += one.answers.size();
}

Status Scheduler::State::room(const std::string& client, size_t n_answers) {
  if (closed) return error_of(ErrorKind::busy, "the server shuts down");
  const size_t n_free = options.n_parallel - std::min<size_t>(options.n_parallel, stats.n_running);
  const size_t n_most = options.n_queue + n_free;
  const size_t n_wanted = stats.n_waiting + n_submitted + n_answers;
  if (n_wanted <= n_most) return {};
  // Until the next step, which refuses the last ones of those who have most.
  const auto most = std::ranges::max_element(waiting, {}, [](const auto& one) { return one.second; });
  const auto own = waiting.find(client);
  const size_t n_own = n_answers + (own == waiting.end() ? 0 : own->second);
  if (most != waiting.end() && n_own < most->second && n_wanted <= 2 * n_most) return {};
  n_rejected++;
  return error_of(ErrorKind::busy, "{} answers wait already; try again later", stats.n_waiting + n_submitted);
}

void Scheduler::State::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    // Whoever hears that a request is done finds it counted.
    publish();
    lock.unlock();
    answering.tell_done();
    lock.lock();
    const auto has_work = [&] { return !submitted.empty() || !cancelled.empty() || !commands.empty(); };
    idle = loop.n_running() + loop.n_waiting() == 0 && !has_work();
    if (idle) {
      all_done.notify_all();
      if (leave) return;
      work_came.wait(lock, [&] { return has_work() || leave; });
      idle = false;
    }
    take_in(lock);
    lock.unlock();
    loop.step();
    lock.lock();
  }
}

template <typename What>
auto Scheduler::State::between_steps(What what) -> decltype(what()) {
  std::promise<decltype(what())> promise;
  auto future = promise.get_future();
  {
    const std::lock_guard lock(mutex);
    if (leave) return error_of(ErrorKind::busy, "the scheduler shuts down");
    commands.emplace_back([&] { promise.set_value(what()); });
  }
  work_came.notify_one();
  return future.get();
}

Result<Sequence> Scheduler::State::restore(const std::filesystem::path& path) {
  auto sequence = engine.restore(path);
  if (sequence.ok() || sequence.error().kind != ErrorKind::out_of_memory) return sequence;
  QUIPU_CHECK_OK(between_steps([&]() -> Status {
    loop.drop_cached();
    return {};
  }));
  return engine.restore(path);
}

Scheduler::Scheduler(Engine& engine, const SchedulerOptions& options) {
  SchedulerOptions usable = options;
  usable.n_parallel = std::max(options.n_parallel, 1u);
  usable.n_batch = std::max(options.n_batch, usable.n_parallel);
  state_ = std::make_unique<State>(engine, usable);
  state_->thread = std::thread([this] { state_->run(); });
}

Scheduler::~Scheduler() {
  shutdown(0.0);
}

Result<RequestId> Scheduler::submit(Request request, Listener listener) {
  State& s = *state_;
  const size_t n_answers = request.n_answers;
  {
    // Before the work of making samplers.
    const std::lock_guard lock(s.mutex);
    QUIPU_CHECK_OK(s.room(request.client, n_answers));
  }
  auto open = std::make_shared<OpenRequest>();
  open->request = std::move(request);
  open->listener = std::move(listener);
  open->submitted_s = steady_s();
  QUIPU_TRY(auto answers, Answering::open(s.engine, open));
  const std::lock_guard lock(s.mutex);
  QUIPU_CHECK_OK(s.room(open->request.client, n_answers));
  open->id = ++s.n_requests;
  s.n_submitted += n_answers;
  s.waiting[open->request.client] += n_answers;
  s.submitted.push_back({open, std::move(answers)});
  s.work_came.notify_one();
  return open->id;
}

void Scheduler::cancel(RequestId id) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->cancelled.push_back(id);
  }
  state_->work_came.notify_one();
}

SchedulerStats Scheduler::stats() const {
  const std::lock_guard lock(state_->mutex);
  SchedulerStats stats = state_->stats;
  stats.n_requests = state_->n_requests;
  stats.n_rejected += state_->n_rejected;
  stats.n_waiting += state_->n_submitted;
  return stats;
}

std::vector<Slot> Scheduler::slots() const {
  const std::lock_guard lock(state_->mutex);
  return state_->slots;
}

Engine& Scheduler::engine() const {
  return state_->engine;
}

const SchedulerOptions& Scheduler::options() const {
  return state_->options;
}

namespace {

Status check_slot(const SchedulerOptions& options, uint32_t slot) {
  if (slot < options.n_parallel) return {};
  return error_of(ErrorKind::not_found, "there is no slot {}: they count from 0 to {}", slot, options.n_parallel - 1);
}

}  // namespace

Result<size_t> Scheduler::save_slot(uint32_t slot, const std::filesystem::path& path) {
  QUIPU_CHECK_OK(check_slot(state_->options, slot));
  QUIPU_TRY(const Sequence sequence, state_->between_steps([&] { return state_->loop.sequence_of(slot); }));
  QUIPU_CHECK_OK(sequence.save(path));
  return sequence.tokens().size();
}

Result<size_t> Scheduler::restore_slot(uint32_t slot, const std::filesystem::path& path) {
  QUIPU_CHECK_OK(check_slot(state_->options, slot));
  QUIPU_TRY(Sequence sequence, state_->restore(path));
  return state_->between_steps([&]() -> Result<size_t> { return state_->loop.put(slot, std::move(sequence)); });
}

Result<size_t> Scheduler::save_cached(std::span<const Token> tokens, const std::filesystem::path& path) {
  QUIPU_TRY(const Sequence sequence,
            state_->between_steps([&]() -> Result<Sequence> { return state_->loop.cached(tokens); }));
  if (sequence.tokens().empty()) return error_of(ErrorKind::not_found, "none of these tokens is cached any more");
  QUIPU_CHECK_OK(sequence.save(path));
  return sequence.tokens().size();
}

Result<size_t> Scheduler::restore_cached(const std::filesystem::path& path) {
  QUIPU_TRY(Sequence sequence, state_->restore(path));
  return state_->between_steps([&]() -> Result<size_t> { return state_->loop.put(std::move(sequence)); });
}

Result<size_t> Scheduler::erase_slot(uint32_t slot) {
  QUIPU_CHECK_OK(check_slot(state_->options, slot));
  return state_->between_steps([&]() -> Result<size_t> { return state_->loop.forget(slot); });
}

void Scheduler::shutdown(double timeout_ms) {
  State& s = *state_;
  {
    std::unique_lock lock(s.mutex);
    s.closed = true;
    const auto done = [&] { return s.idle && s.submitted.empty(); };
    constexpr double kForever_ms = 1e10;  // what a clock can add to its time
    const std::chrono::duration<double, std::milli> timeout(std::clamp(timeout_ms, 0.0, kForever_ms));
    s.all_done.wait_for(lock, timeout, done);
    s.leave = true;
  }
  s.work_came.notify_one();
  if (s.thread.joinable()) s.thread.join();
}

}  // namespace quipu::engine
