// The messages and tools of a chat request: checked, and made what templates expect.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/api/json.h"
#include "server/tools/tool_format.h"

namespace quipu::server {

// Text parts are joined, "developer" becomes "system". Errors name the path: unknown roles and fields, parts that are
// no text.
Result<Json> read_messages(const Json& messages);

Result<std::vector<Tool>> read_tools(const Json& tools);

struct ToolChoice {
  enum class Kind : uint8_t { none, automatic, required } kind = Kind::automatic;
  std::string name;  // of the one tool that is required, or empty
};
// Errors: unknown forms, a tool that is not among `tools`, a required call without tools.
Result<ToolChoice> read_tool_choice(const Json* choice, const std::vector<Tool>& tools);

}  // namespace quipu::server
