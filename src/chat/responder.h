// Answers of the model in a conversation: template, context, generation. Knows nothing of a terminal.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/conversation.h"
#include "chat/generator.h"

namespace quipu::chat {

struct AnswerEvents : GeneratorEvents {
  // The context was full: so many messages are no longer seen, or (0) the beginning of the answer is not.
  std::function<void(size_t n_messages)> on_forgotten;
};

struct Answer {
  std::string text;
  engine::Finish finish = engine::Finish::end;
};

struct Statistics {
  size_t n_prompt = 0, n_cached = 0, n_generated = 0;  // tokens of the last answer
  double prompt_ms = 0, generation_ms = 0;
  size_t total_prompt = 0, total_generated = 0;
  double total_prompt_ms = 0, total_generation_ms = 0;
};

class Responder {
 public:
  Responder(std::unique_ptr<Generator> generator, engine::GenerateOptions options,
            chat_template::Json template_variables);

  // Answers the last message of the conversation and does not add the answer to it. Where the messages do not fit into
  // the context, the oldest turns are forgotten (conversation.forget_turn). An answer that fills the context goes on in
  // the same way, and then without its own beginning. Errors: the template refuses the
  // messages; the last message alone is longer than the context.
  Result<Answer> answer(Conversation& conversation, const AnswerEvents& events);

  // The prompt as the model sees it, and its tokens.
  [[nodiscard]] Result<std::string> rendered(const Conversation& conversation, bool for_answer) const;
  [[nodiscard]] Result<std::vector<Token>> tokens(const Conversation& conversation, bool for_answer) const;

  // Writes the keys and values of what was computed last to a file, for the user alone. Errors: io; nothing was
  // computed yet (not_found).
  Status keep(const std::filesystem::path& path);
  // Begins with what keep() wrote. False if the file is missing or of no use: the conversation is computed again then.
  bool restore(const std::filesystem::path& path);

  // From now on an answer that fills the context ends there.
  void stop_when_full() { stops_when_full_ = true; }
  engine::GenerateOptions& options() { return options_; }
  [[nodiscard]] const engine::GenerateOptions& options() const { return options_; }
  [[nodiscard]] const Statistics& statistics() const { return statistics_; }
  [[nodiscard]] engine::Engine& engine() const { return generator_->engine(); }
  // Tokens of the context that the last answer filled.
  [[nodiscard]] size_t n_context_used() const { return n_context_used_; }

 private:
  Result<std::vector<Token>> fitting_prompt(Conversation& conversation, const AnswerEvents& events, size_t n_answered,
                                            size_t n_room);

  std::unique_ptr<Generator> generator_;
  engine::GenerateOptions options_;
  chat_template::Json variables_;
  Statistics statistics_;
  size_t n_context_used_ = 0;
  bool stops_when_full_ = false;
};

}  // namespace quipu::chat
