#include <algorithm>
#include <chrono>

#include "engine/answer.h"
#include "engine/engine.h"

namespace quipu::engine {
namespace {

using Clock = std::chrono::steady_clock;

double ms_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

size_t common_prefix(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

Result<Generated> generate(Engine& engine, Sequence& sequence, std::span<const Token> prompt,
                           const GenerateOptions& options, const OnText& on_text, const std::stop_token& stop) {
  QUIPU_CHECK_OK(check_prompt(engine, prompt));
  QUIPU_TRY(auto answer, Answer::create(engine.model(), options, on_text));
  answer.accept_prompt(prompt);

  // The last token of the prompt is always computed: its logits begin the answer.
  const size_t n_cached = std::min(common_prefix(sequence.tokens(), prompt), prompt.size() - 1);
  sequence.truncate(n_cached);
  std::vector<float> logits;
  const OnLogits keep = [&](size_t, size_t, std::span<const float> row) { logits.assign(row.begin(), row.end()); };
  const auto start = Clock::now();
  auto prompt_done = start;
  Token last = 0;
  for (auto tokens = prompt.subspan(n_cached);; tokens = std::span(&last, 1)) {
    if (sequence.tokens().size() + tokens.size() > engine.n_ctx()) {
      answer.end(Finish::context_full);
      break;
    }
    const Work work{&sequence, tokens, Work::Logits::last};
    const Status status = engine.decode(std::span(&work, 1), keep, stop);
    if (!status.ok() && status.error().kind != ErrorKind::cancelled) return status.error();
    if (prompt_done == start) prompt_done = Clock::now();
    if (!status.ok() || stop.stop_requested()) {
      answer.end(Finish::cancelled);
      break;
    }
    QUIPU_TRY(const auto token, answer.next(logits));
    if (!token) break;
    last = *token;
  }
  Generated result = answer.finish();
  result.n_prompt = prompt.size();
  result.n_cached = n_cached;
  result.prompt_ms = ms_between(start, prompt_done);
  result.generation_ms = ms_between(prompt_done, Clock::now());
  return result;
}

}  // namespace quipu::engine
