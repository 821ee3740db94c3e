// Reading a long prompt in steps, so that progress is seen and Ctrl-C is heard. Knows nothing of a terminal.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/result.h"
#include "engine/engine.h"

namespace quipu::chat {

struct PromptEvents {
  // Before the prompt is read and after each step: tokens done and to do.
  std::function<void(size_t n_done, size_t n_total, double tokens_per_s)> on_progress;
  // Asked between steps.
  std::function<bool()> stop_requested;
};

struct PromptRead {
  size_t n_cached = 0;  // tokens that the sequence had in common with the prompt
  double ms = 0;
};

// Makes the sequence hold the prompt without its last token, which engine::generate() computes. Errors: those of
// Engine::decode(); cancelled, after which the sequence holds what was read.
Result<PromptRead> read_prompt(engine::Engine& engine, engine::Sequence& sequence,
                               std::span<const engine::Token> prompt, const PromptEvents& events);

}  // namespace quipu::chat
