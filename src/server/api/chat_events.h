// What an answer to a chat consists of, whatever the API that tells it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/scheduler.h"
#include "server/api/json.h"
#include "server/service/service.h"
#include "server/tools/tool_format.h"

namespace quipu::server {

// A token of an answer with its probability.
struct ScoredToken {
  engine::Token token;
  engine::TokenLogprobs logprobs;
};

enum class ChatFinish : uint8_t { stop, stop_text, length, tool_calls };

// Called from the scheduler's thread, in order. Choices are interleaved.
class ChatEvents {
 public:
  ChatEvents() = default;
  virtual ~ChatEvents() = default;
  ChatEvents(const ChatEvents&) = delete;
  ChatEvents& operator=(const ChatEvents&) = delete;

  // The first piece of the prompt was read: errors of the request can't come any more.
  virtual void on_start() = 0;
  // Either may be empty.
  virtual void on_text(uint32_t choice, std::string_view text, const std::vector<ScoredToken>& tokens) = 0;
  virtual void on_call(uint32_t choice, size_t index, const std::string& id, std::string_view name) = 0;
  virtual void on_arguments(uint32_t choice, size_t index, std::string_view piece) = 0;
  virtual void on_call_end(uint32_t choice, size_t index) = 0;
  // `stop`: the stop text that ended it, for ChatFinish::stop_text.
  virtual void on_finish(uint32_t choice, ChatFinish finish, const std::string& stop) = 0;
  virtual void on_done(const engine::Usage& usage) = 0;
  // Instead of on_done.
  virtual void on_error(const Error& error) = 0;
};

// A chat request in the form of the engine.
struct ChatJob {
  engine::Request request;
  bool reads_calls = false;  // the answer may hold calls
  ToolFormat format = ToolFormat::generic;
  std::vector<std::string> tool_names;
  std::string forced_prefix;  // stands in the prompt, belongs to the answer
  bool parallel_calls = true;
};

// The table of fields of /v1/chat/completions, which the other chat APIs are translated to.
const Table& chat_fields();
// Errors name the field.
Result<ChatJob> read_chat(const Fields& fields, const HostedModel& model, const GenerationDefaults& defaults,
                          const Request& request);
// The prompt's text and the tools; a part of read_chat.
struct ChatPrompt {
  std::string text;
  std::vector<Tool> tools;
  ToolFormat format = ToolFormat::generic;
};
Result<ChatPrompt> read_prompt(const Fields& fields, const HostedModel& model);

Status run_chat(const ModelHost::Lease& model, ChatJob job, const std::shared_ptr<ChatEvents>& events,
                const std::shared_ptr<Exchange>& exchange);

// A token's text for JSON: bytes that are no UTF-8 by themselves are replaced.
std::string token_text(const HostedModel& model, engine::Token token);
// [{"token", "logprob", "bytes", "top_logprobs"}], as chat completions and responses have them.
Json chat_logprobs(const HostedModel& model, const std::vector<ScoredToken>& tokens);

}  // namespace quipu::server
