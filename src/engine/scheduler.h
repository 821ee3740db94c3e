// Many requests on one engine at the same time: queues them, computes them in common steps, shares what their prompts
// have in common, and tells each its tokens. Behind the server, and behind a chat that runs beside it.
//
// Deciding (scheduler/plan.h) is apart from doing (scheduler/step_loop.h); this is the thread around both.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/engine.h"
#include "sample/logprobs.h"

namespace quipu::engine {

struct SchedulerOptions {
  uint32_t n_parallel = 16;      // answers that are computed at the same time at most (-np)
  uint32_t n_batch = 512;        // tokens of one step at most; raised to n_parallel
  double step_ms = 250.0;        // what a step that reads a prompt may take while others' answers stream
  size_t n_queue = 256;          // answers that wait at most; see Scheduler::submit()
  double cached_share = 1.0;     // of the KV cache's pages, for prompts and answers that are over
  uint32_t fairness_lag = 1024;  // tokens that a waiting client may fall behind before another's answer gives way
  Log log = {};
};

enum class Pooling : uint8_t { mean, last };

struct Request {
  std::vector<Token> prompt;
  GenerateOptions options;
  uint32_t n_answers = 1;  // the prompt is computed once; answer i draws with the seed plus i
  // Whoever shares in the machine as one: an API key, an address, "chat". Clients that wait get their turns by the
  // tokens they have had, not by how many requests they send.
  std::string client;
  // A step up counts like ten seconds of waiting within a client, and like half of the tokens between clients.
  // Clamped to -8..8.
  int32_t priority = 0;
  double timeout_ms = std::numeric_limits<double>::infinity();  // from submit(); then Finish::deadline
  bool reuse_prefix = true;  // false: the prompt is computed whole, whatever is known of it

  bool logprobs = false;  // of the answer's tokens
  uint32_t n_top_logprobs = 0;
  // The log-probabilities of the prompt's tokens from this position on. What lies before may come from the cache.
  std::optional<size_t> prompt_logprobs_begin;
  // Instead of an answer: the final hidden state [n_embd] of the prompt, after the last norm.
  std::optional<Pooling> embedding;
};

using RequestId = uint64_t;

// Natural logarithms of the model's own distribution, before any sampling, as `quipu logprobs` prints them.
struct TokenLogprobs {
  float logprob = std::numeric_limits<float>::quiet_NaN();  // NaN: not asked for, or the prompt's first token
  std::vector<sample::TokenLogprob> top;                    // most probable first
};

struct TokenEvent {
  uint32_t answer = 0;            // below n_answers
  std::optional<Token> token;     // none: the text that was held back at the answer's end
  std::string_view text;          // whole UTF-8 characters; may be empty, and may belong to earlier tokens
  const TokenLogprobs* logprobs;  // never null
};

struct Usage {
  size_t n_prompt = 0;     // tokens of the prompt, of which
  size_t n_cached = 0;     // need not be computed
  size_t n_generated = 0;  // of all answers; tokens that end an answer count, too
  double queue_ms = 0.0;   // until the first step
  double prompt_ms = 0.0;  // until the first token
  double generation_ms = 0.0;
};

struct Answered {
  std::vector<Generated> answers;  // [n_answers]; none for an embedding
  std::vector<float> embedding;    // [n_embd]
  uint64_t seed = 0;               // of the first answer, also when it was drawn from the system
  Usage usage;
};

// What happens to a request. Called from the scheduler's thread, in order, on_done once and as the last; each may be
// empty. Must not block; may call anything of the Scheduler but shutdown(), run() and the destructor.
struct Listener {
  std::function<void(size_t n_done, size_t n_total)> on_prompt;  // after each step that read some of the prompt
  // Of position first, first + 1, ...: all from prompt_logprobs_begin on, in order, before the first token.
  std::function<void(size_t first, std::span<const TokenLogprobs> logprobs)> on_prompt_logprobs;
  std::function<void(const TokenEvent& event)> on_token;
  // An answer is over; on_token has had all of it.
  std::function<void(uint32_t answer, const Generated& generated)> on_answer;
  // After cancel(), at the deadline and at shutdown the answers so far, with Finish::cancelled or ::deadline; instead
  // of an embedding an error: `cancelled` or limit_exceeded. Other errors: sampling found nothing to choose from,
  // others took all of the KV cache, or the place in the queue (`busy`).
  std::function<void(Result<Answered> result)> on_done;
};

// Counts of events and their sum, as Prometheus wants them.
struct Histogram {
  static constexpr std::array kBounds_s{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};
  std::array<uint64_t, kBounds_s.size() + 1>
      counts{};  // at most kBounds_s[i] and above the one before; last: above all
  double sum_s = 0.0;
  uint64_t count = 0;
  void add(double seconds);
};

// Since the start, or now.
struct SchedulerStats {
  uint64_t n_requests = 0, n_rejected = 0, n_finished = 0, n_cancelled = 0, n_deadline = 0, n_failed = 0;
  uint64_t n_prompt_tokens = 0;     // asked for, of which
  uint64_t n_cached_tokens = 0;     // were found in the cache
  uint64_t n_generated_tokens = 0;  // of answers
  uint64_t n_steps = 0, n_step_tokens = 0, n_preemptions = 0;
  uint64_t n_prefix_lookups = 0, n_prefix_hits = 0;          // requests, and those that found something
  double prompt_s = 0.0, generation_s = 0.0;                 // time of steps, shared out by tokens
  size_t n_waiting = 0, n_running = 0;                       // answers
  size_t n_pages = 0, n_pages_used = 0, n_pages_cached = 0;  // cached: used by no running answer, dropped when needed
  uint64_t page_bytes = 0;
  uint32_t page_tokens = 0;
  Histogram queue, first_token, between_tokens, total;
};

// One of n_parallel places for an answer that is computed.
struct Slot {
  uint32_t id = 0;
  bool busy = false;
  RequestId request = 0;  // of the last one, when it is not busy; 0: none yet
  uint32_t answer = 0;
  std::string client;
  size_t n_prompt = 0, n_cached = 0, n_computed = 0, n_generated = 0;
};

class Scheduler {
 public:
  // Starts the thread. Other callers of the engine take turns with it, and share its KV cache.
  // The engine must outlive the scheduler.
  Scheduler(Engine& engine, const SchedulerOptions& options);
  // As shutdown(0).
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // From any thread, as all below. When the queue is full, a client with fewer answers in it than another takes the
  // place of the other's last one, whose on_done gets `busy`.
  // Errors, at once and without a call of the listener: `busy` when the queue is full else, or the scheduler shuts
  // down; limit_exceeded for a prompt that is longer than the context; invalid_input for an
  // empty prompt, unknown ids, options that contradict each other or are out of range (the message names them).
  Result<RequestId> submit(Request request, Listener listener);
  // Ends a request within a step; on_done still comes. Unknown ids and those that are done are passed over.
  void cancel(RequestId id);

  // For callers who wait: submits, and calls back from the caller's own thread, which may take its time. `on_text`
  // returning false and a stop request end the request.
  Result<Answered> run(Request request, const OnText& on_text, std::stop_token stop = {});
  // The same with all events; on_done is not called. `stop_requested`, if there, is asked on the caller's thread after
  // each event and at least 20 times a second, also while the request waits; true ends it.
  Result<Answered> run(Request request, const Listener& listener, std::stop_token stop = {},
                       const std::function<bool()>& stop_requested = {});

  [[nodiscard]] SchedulerStats stats() const;
  [[nodiscard]] std::vector<Slot> slots() const;
  [[nodiscard]] Engine& engine() const;
  [[nodiscard]] const SchedulerOptions& options() const;

  // The keys and values of the request that a slot computes, or computed last, to and from a file (the format of
  // Sequence::save). Returns the number of tokens. Restored ones are found by prompts that begin with them.
  // Errors: no such slot, nothing in it any more (not_found), a file that does not fit.
  Result<size_t> save_slot(uint32_t slot, const std::filesystem::path& path);
  Result<size_t> restore_slot(uint32_t slot, const std::filesystem::path& path);
  // Forgets what the slot computed last; nothing while it is busy. Returns the number of tokens.
  Result<size_t> erase_slot(uint32_t slot);

  // The same for whatever is cached of the beginning of `tokens`: what a request computed, as long as others have not
  // taken its place. Errors: nothing is (not_found); those of the file.
  Result<size_t> save_cached(std::span<const Token> tokens, const std::filesystem::path& path);
  Result<size_t> restore_cached(const std::filesystem::path& path);

  // Takes no more requests, lets those that run and wait come to their end for so long, and cancels the rest. Returns
  // when every on_done has been called.
  void shutdown(double timeout_ms);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quipu::engine
