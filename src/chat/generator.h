// Where the chat's tokens come from: an engine of its own, or the scheduler of the server beside it, whose steps it
// shares with everybody else's answers. Knows nothing of a terminal.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/scheduler.h"

namespace quipu::chat {

using Token = engine::Token;

struct GeneratorEvents {
  // Before a prompt is read and while it is: tokens done and to do.
  std::function<void(size_t n_done, size_t n_total, double tokens_per_s)> on_prompt;
  std::function<void(std::string_view text)> on_text;
  // Asked between steps; true stops, and what was said so far is kept.
  std::function<bool()> stop_requested;
};

class Generator {
 public:
  virtual ~Generator() = default;

  // Continues the prompt. What it has in common with what was computed before is not computed again. Errors: those of
  // engine::generate(), and of the scheduler `busy`.
  virtual Result<engine::Generated> generate(std::span<const Token> prompt, const engine::GenerateOptions& options,
                                             const GeneratorEvents& events) = 0;
  // Writes the keys and values of what was computed last to a file. Errors: io; nothing was computed yet, or nothing
  // of it is cached any more (not_found).
  virtual Status keep(const std::filesystem::path& path) = 0;
  // Begins with what keep() wrote. False if the file is missing or of no use.
  virtual bool restore(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual engine::Engine& engine() const = 0;
};

// The engine or the scheduler must outlive it.
std::unique_ptr<Generator> own_generator(engine::Engine& engine);
std::unique_ptr<Generator> shared_generator(engine::Scheduler& scheduler);

}  // namespace quipu::chat
