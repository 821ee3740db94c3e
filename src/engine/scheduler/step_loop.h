// Carries out what plan.h decides: queues, places, pages, the prefix tree, and the accounts of clients. Knows neither
// threads nor a clock nor a model: a driver computes, and may be a fake.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/scheduler/plan.h"
#include "engine/scheduler/prefix_tree.h"

namespace quipu::engine {

using JobId = uint64_t;

// One answer that is to be computed.
struct JobSpec {
  JobId id = 0;  // ascending
  std::string client;
  int32_t priority = 0;
  double deadline_s = 0.0;
  std::vector<Token> prompt;
  size_t max_chunk = SIZE_MAX;  // tokens of the prompt in one step
  bool share_tail = false;      // others with the same prompt come: they find its last page, too
};

// Tokens that a job computes in a step, at consecutive positions.
struct JobStep {
  JobId job = 0;
  Sequence* sequence = nullptr;  // holds `begin` tokens and has room
  size_t begin = 0;
  std::span<const Token> tokens;
  bool samples = false;  // the last of them is followed by a token that the driver draws:
  std::optional<Token> next;
  std::optional<Finish> ended;  // or by nothing
};

enum class JobEnd : uint8_t { finished, cancelled, deadline, failed };

class Driver {
 public:
  virtual ~Driver() = default;
  // How much of the job's tokens may come from the cache: fewer than it has.
  virtual size_t n_reusable(JobId job, size_t n_tokens) = 0;
  // Appends each step's tokens to its sequence, and draws the next ones. An error is one of the whole step.
  virtual Status run(std::span<JobStep> steps) = 0;
  // The job has got a place; for the first time, or again.
  virtual void on_start(JobId job, uint32_t place, size_t n_cached) = 0;
  // Last call for the job. `finish`: why an answer is finished. `error`: of a job that failed.
  virtual void on_end(JobId job, JobEnd end, std::optional<Finish> finish, const Status& error) = 0;
};

struct StepOptions {
  uint32_t n_parallel = 16, n_batch = 512, n_ctx = 8192;
  double step_ms = 250.0;
  double cached_share = 1.0;
  double fairness_lag = 1024.0;
};

class StepLoop {
 public:
  StepLoop(Driver& driver, std::shared_ptr<backend::cpu::KvPool> pool, std::function<Sequence()> new_sequence,
           std::function<double()> now_s, const StepOptions& options);
  ~StepLoop();

  void submit(JobSpec spec);
  // Takes effect at the beginning of the next step. False: no such job.
  bool cancel(JobId id);
  // False: there was nothing to do.
  bool step();

  // Of a place: the tokens it computes, or computed last, as far as they are cached.
  [[nodiscard]] Result<Sequence> sequence_of(uint32_t place);
  // What is cached of the beginning of `tokens`; may be empty.
  [[nodiscard]] Sequence cached(std::span<const Token> tokens) { return cached_sequence(tokens, tokens.size()); }
  // Caches what the sequence holds; with a place as what that computed last. Returns the number of tokens.
  size_t put(Sequence sequence);
  size_t put(uint32_t place, Sequence sequence);
  // Forgets what the place computed last; nothing while it is busy. Returns the number of tokens.
  size_t forget(uint32_t place);
  // Lets go of all that is only cached.
  void drop_cached() { tree_.drop(pool_->n_idle()); }

  struct Place {
    std::optional<JobId> job;
    std::vector<Token> tokens;  // of the last job
    size_t n_computed = 0;      // of the job
  };
  [[nodiscard]] std::vector<Place> places() const;
  [[nodiscard]] size_t n_running() const { return running_.size(); }
  [[nodiscard]] size_t n_waiting() const { return jobs_.size() - running_.size(); }
  [[nodiscard]] double served(const std::string& client) const;

  // Of the last step, and since the start.
  [[nodiscard]] size_t n_step_tokens() const { return n_step_tokens_; }
  [[nodiscard]] size_t budget() const { return budget_; }
  [[nodiscard]] uint64_t n_preemptions() const { return n_preemptions_; }

 private:
  struct Client {
    double served = 0.0;
    size_t n_jobs = 0;
    size_t index = 0;  // in the state of a plan
  };
  struct Job {
    JobSpec spec;
    Client* client = nullptr;
    double rank = 0.0;
    std::vector<Token> tokens;  // prompt and answer
    std::vector<uint64_t> page_names;
    std::optional<Sequence> sequence;  // of those that run
    uint32_t place = 0;
    uint64_t admission = 0;
    size_t n_read = 0, n_charged = 0;
    bool cancelled = false, passed_over = false;
    [[nodiscard]] size_t n_computed() const { return sequence ? sequence->tokens().size() : 0; }
  };

  // What is decided by: a state that looks at the lists beside it.
  struct Known {
    std::vector<PlanJob> jobs;
    std::vector<double> served;
    PlanState state;
  };
  [[nodiscard]] Known known() const;
  bool carry_out(const Places& places);
  void admit(Job& job);
  void preempt(Job& job);
  void end(JobId id, JobEnd end, std::optional<Finish> finish, const Status& error);
  void release(Job& job);
  // Takes from the tree what another has computed meanwhile.
  void catch_up(Job& job);
  bool reserve(Job& job, size_t n);
  size_t step_budget() const;
  void compute(const std::vector<PlanWork>& work);
  void after(const JobStep& step, Job& job);
  void charge(Job& job, size_t begin);
  Client* client_of(const std::string& name);
  Sequence cached_sequence(std::span<const Token> tokens, size_t n_reusable);

  Driver& driver_;
  std::shared_ptr<backend::cpu::KvPool> pool_;
  std::function<Sequence()> new_sequence_;
  std::function<double()> now_s_;
  StepOptions options_;
  PrefixTree tree_;
  std::map<std::string, Client> clients_;
  std::map<JobId, Job> jobs_;
  std::vector<Job*> running_;
  std::vector<Place> places_;
  uint64_t n_admissions_ = 0, n_preemptions_ = 0;
  size_t n_step_tokens_ = 0, budget_ = 0;
  double token_ms_ = 0.0;  // of a step that reads a prompt; 0: not known yet
};

}  // namespace quipu::engine
