#include "chat/generator.h"

#include <chrono>
#include <vector>

#include "chat/prompt_reader.h"

namespace quipu::chat {
namespace {

using Clock = std::chrono::steady_clock;

class OwnGenerator : public Generator {
 public:
  explicit OwnGenerator(engine::Engine& engine) : engine_(engine), sequence_(engine.new_sequence()) {}

  Result<engine::Generated> generate(std::span<const Token> prompt, const engine::GenerateOptions& options,
                                     const GeneratorEvents& events) override {
    const auto read = read_prompt(engine_, sequence_, prompt, {events.on_prompt, events.stop_requested});
    if (!read.ok() && read.error().kind != ErrorKind::cancelled) return read.error();
    if (!read.ok()) return engine::Generated{.finish = engine::Finish::cancelled, .tokens = {}};
    const auto on_text = [&](std::string_view text) {
      if (events.on_text) events.on_text(text);
      return !(events.stop_requested && events.stop_requested());
    };
    QUIPU_TRY(auto generated, engine::generate(engine_, sequence_, prompt, options, on_text));
    generated.n_cached = read->n_cached;
    generated.prompt_ms += read->ms;
    return generated;
  }

  Status keep(const std::filesystem::path& path) override {
    if (sequence_.tokens().empty()) return error_of(ErrorKind::not_found, "nothing was computed yet");
    return sequence_.save(path);
  }

  bool restore(const std::filesystem::path& path) override {
    sequence_.truncate(0);  // the cache has room for one
    auto restored = engine_.restore(path);
    if (restored.ok()) sequence_ = std::move(*restored);
    return restored.ok();
  }

  [[nodiscard]] engine::Engine& engine() const override { return engine_; }

 private:
  engine::Engine& engine_;
  engine::Sequence sequence_;
};

class SharedGenerator : public Generator {
 public:
  explicit SharedGenerator(engine::Scheduler& scheduler) : scheduler_(scheduler) {}

  Result<engine::Generated> generate(std::span<const Token> prompt, const engine::GenerateOptions& options,
                                     const GeneratorEvents& events) override {
    engine::Request request;
    request.prompt.assign(prompt.begin(), prompt.end());
    request.options = options;
    request.client = "chat";
    if (events.on_prompt) events.on_prompt(0, prompt.size(), 0.0);
    engine::Listener listener;
    listener.on_prompt = [&, first = Clock::time_point(), n_first = size_t{0}](size_t n_done, size_t n_total) mutable {
      // The first step tells what was cached and how far it came; the speed is that of those behind it.
      const auto now = Clock::now();
      if (n_first == 0) first = now, n_first = n_done;
      const double seconds = std::chrono::duration<double>(now - first).count();
      const double speed = seconds > 0.0 ? static_cast<double>(n_done - n_first) / seconds : 0.0;
      if (events.on_prompt && n_done < n_total) events.on_prompt(n_done, n_total, speed);
    };
    listener.on_token = [&](const engine::TokenEvent& event) {
      if (events.on_text && !event.text.empty()) events.on_text(event.text);
    };
    QUIPU_TRY(auto answered, scheduler_.run(std::move(request), listener, {}, events.stop_requested));
    engine::Generated generated = std::move(answered.answers.front());
    computed_.assign(prompt.begin(), prompt.end());
    computed_.insert(computed_.end(), generated.tokens.begin(), generated.tokens.end());
    return generated;
  }

  Status keep(const std::filesystem::path& path) override {
    if (computed_.empty()) return error_of(ErrorKind::not_found, "nothing was computed yet");
    const auto saved = scheduler_.save_cached(computed_, path);
    return saved.ok() ? Status() : saved.error();
  }

  bool restore(const std::filesystem::path& path) override { return scheduler_.restore_cached(path).ok(); }

  [[nodiscard]] engine::Engine& engine() const override { return scheduler_.engine(); }

 private:
  engine::Scheduler& scheduler_;
  std::vector<Token> computed_;
};

}  // namespace

std::unique_ptr<Generator> own_generator(engine::Engine& engine) {
  return std::make_unique<OwnGenerator>(engine);
}

std::unique_ptr<Generator> shared_generator(engine::Scheduler& scheduler) {
  return std::make_unique<SharedGenerator>(scheduler);
}

}  // namespace quipu::chat
