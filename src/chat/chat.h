// The chat: at a terminal, or line by line from a pipe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/generator.h"
#include "template/chat_template.h"

namespace quipu::chat {

struct ChatOptions {
  std::string system_prompt;
  engine::GenerateOptions generate;
  chat_template::Json template_variables;
  std::string model_name;
  std::vector<std::string> banner;  // lines shown at the start
  std::string resume;               // a saved chat to begin with
  bool styled = true;               // colours, where the terminal has them
  bool ascii = false;
  bool status = true;  // a line about speed after each answer
  bool keep = true;    // chats and typed lines are kept on disk
};

// Chats until the user leaves, the input ends, or the process is asked to end. Returns the exit code.
Result<int> run_chat(std::unique_ptr<Generator> generator, const ChatOptions& options);

// One question, one answer: the text alone goes to standard output. Returns the exit code (130 after Ctrl-C, 141 when
// the reader went away).
Result<int> answer_once(engine::Engine& engine, const ChatOptions& options, const std::string& question);

}  // namespace quipu::chat
