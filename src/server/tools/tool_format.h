// How models call tools: what their templates teach them to write, and how it is read back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/api/json.h"

namespace quipu::server {

struct Tool {
  std::string name;
  Json parameters = Json::object();  // JSON Schema of the arguments
  Json whole;                        // as the request had it
};

// What an answer turns out to be made of, in order. A call is begun, gets its arguments in pieces, and is ended.
class ToolEvents {
 public:
  ToolEvents() = default;
  virtual ~ToolEvents() = default;
  ToolEvents(const ToolEvents&) = delete;
  ToolEvents& operator=(const ToolEvents&) = delete;

  virtual void on_text(std::string_view text) = 0;
  virtual void on_call(std::string_view name) = 0;
  virtual void on_arguments(std::string_view piece) = 0;  // all pieces together are a JSON text
  virtual void on_call_end() = 0;
};

// Reads one answer. What may become a call is held back; what turns out to be none is text, unchanged, as are calls of
// tools that the request does not name. Linear in the size of the text.
class ToolReader {
 public:
  ToolReader() = default;
  virtual ~ToolReader() = default;
  ToolReader(const ToolReader&) = delete;
  ToolReader& operator=(const ToolReader&) = delete;

  virtual void push(std::string_view text, ToolEvents& events) = 0;
  // The answer is over, perhaps in the middle of a call.
  virtual void finish(ToolEvents& events) = 0;
};

enum class ToolFormat : uint8_t { llama3, hermes, mistral, generic };

std::string_view tool_format_name(ToolFormat format);

// By the text of the chat template. `generic` where the template knows no tools, or calls in an unknown form: then
// describe_tools() puts them into the messages.
ToolFormat detect_tool_format(std::string_view chat_template);

// `names`: of the tools that may be called.
std::unique_ptr<ToolReader> make_tool_reader(ToolFormat format, std::vector<std::string> names);

// What makes an answer begin with a call: a text that is put behind the prompt, and is part of what the reader must
// see, and the schema of what follows.
struct ForcedCall {
  std::string prefix;
  Json schema;
};
// `several`: more than one call is allowed, where the format can hold them together.
ForcedCall forced_call(ToolFormat format, const std::vector<Tool>& tools, bool several);

// For ToolFormat::generic: puts the tools into the system message, calls and results into plain messages.
void describe_tools(const std::vector<Tool>& tools, Json& messages);

}  // namespace quipu::server
