// What the scheduler decides in one step, as pure functions of what it knows. Nothing here touches a model, a page or
// a clock.
//
// - Generation goes first: every answer that waits for its next token gets it in every step. What is left of the budget
//   reads prompts, piece by piece.
// - The client that had least starts next: clients are charged by the token (the virtual token counter of Sheng et al.:
//   "Fairness in serving large language models", OSDI 2024). One that is behind by more than `fairness_lag` takes the
//   place of another's answer, which goes on later; its pages stay cached as long as they can.
// - When pages run out, the answer of the client that had most gives way, of its answers the last. The client that had
//   least always goes on, so there is no deadlock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace quipu::engine {

struct PlanJob {
  uint64_t id = 0;
  size_t client = 0;            // index in PlanState::served
  double rank = 0.0;            // lower goes first within a client
  bool over = false;            // cancelled, or past its deadline
  bool running = false;         // has a place; else it waits
  uint64_t admission = 0;       // of those that run: when they got it
  size_t n_tokens = 0;          // prompt and answer so far
  size_t n_computed = 0;        // of these; 0 while it waits
  size_t n_read = 0;            // of a prompt, since the admission
  size_t max_chunk = SIZE_MAX;  // of a prompt in one step
  bool copies = false;          // its last page is another's, too: a copy comes before the next token
  size_t n_own_pages = 0;       // that nobody else uses, and would be free without it
  // A name for what each whole page of the prompt holds, with all before: equal prompts have equal names.
  std::span<const uint64_t> page_names;
};

struct PlanState {
  std::span<const PlanJob> jobs;
  std::span<const double> served;  // tokens that each client has had, by its priority
  size_t n_parallel = 1;
  size_t budget = 1;  // tokens of the step; at least n_parallel
  size_t page_tokens = 64;
  size_t n_pages_available = 0;  // free, or cached and not in use
  double fairness_lag = 0.0;
  bool may_admit = true;
};

// Who gets a place, and who loses it; to be carried out in this order.
struct Places {
  std::vector<uint64_t> finish;   // over
  std::vector<uint64_t> preempt;  // wait again
  std::vector<uint64_t> admit;
};
Places plan_places(const PlanState& state);

// What those that have places compute in the step: at least one token, unless none runs or one alone has no page left.
struct PlanWork {
  uint64_t id = 0;
  size_t n_tokens = 0;
};
std::vector<PlanWork> plan_work(const PlanState& state);

// An answer that waits for its first step.
struct PlanWaiting {
  uint64_t id = 0;
  size_t client = 0;  // clients count from 0
};
// Who is refused when more than `n_most` wait, so that no client's requests keep out another's: of the client that has
// most waiting the last one, until so many are left. `waiting`: the first one first.
std::vector<uint64_t> plan_refusals(std::span<const PlanWaiting> waiting, size_t n_most);

}  // namespace quipu::engine
