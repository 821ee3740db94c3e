#include "chat/prompt_reader.h"

#include <algorithm>
#include <chrono>

namespace quipu::chat {
namespace {

using Clock = std::chrono::steady_clock;

// Tokens that are read between two looks at Ctrl-C and two drawings of the progress: as many as take about this long.
constexpr double kStep_ms = 400;
constexpr size_t kFirstStep = 16, kLongestStep = 2048;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

}  // namespace

Result<PromptRead> read_prompt(engine::Engine& engine, engine::Sequence& sequence,
                               std::span<const engine::Token> prompt, const PromptEvents& events) {
  const auto cached = sequence.tokens();
  const auto common = static_cast<size_t>(
      std::mismatch(cached.begin(), cached.end(), prompt.begin(), prompt.end()).first - cached.begin());
  PromptRead read{.n_cached = std::min(common, prompt.size() - 1)};
  sequence.truncate(read.n_cached);
  const size_t n_total = prompt.size() - 1 - read.n_cached;
  const auto begin = Clock::now();
  size_t step = kFirstStep;
  if (n_total > 0 && events.on_progress) events.on_progress(0, n_total, 0.0);
  for (size_t done = 0; done < n_total;) {
    if (events.stop_requested && events.stop_requested()) return error_of(ErrorKind::cancelled, "stopped");
    const size_t n = std::min(step, n_total - done);
    const engine::Work work{&sequence, prompt.subspan(read.n_cached + done, n), engine::Work::Logits::none};
    const auto step_begin = Clock::now();
    QUIPU_CHECK_OK(engine.decode(std::span(&work, 1), {}));
    const double step_ms = ms_since(step_begin);
    done += n;
    if (events.on_progress) events.on_progress(done, n_total, 1000.0 * static_cast<double>(done) / ms_since(begin));
    const double wanted = static_cast<double>(n) * kStep_ms / std::max(step_ms, 0.01);
    step = static_cast<size_t>(std::clamp(wanted, static_cast<double>(kFirstStep), static_cast<double>(kLongestStep)));
  }
  read.ms = ms_since(begin);
  return read;
}

}  // namespace quipu::chat
