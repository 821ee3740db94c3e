// Bodies of requests: JSON with its limits, the tables of fields, messages, tools and their choice. What passes the
// checks must be dumped again; targets and origins of the header, too.
#include <cstdlib>
#include <string>

#include "server/api/chat_events.h"
#include "server/api/chat_messages.h"
#include "server/api/endpoints.h"
#include "server/api/errors.h"
#include "server/service/access.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu::server;
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto target = parse_target(text);
  if (target.ok() && target->path.find("..") != std::string::npos && target->path.find("/../") != std::string::npos)
    abort();
  const OriginRules rules({});
  (void)rules.allows_origin(text, "localhost");
  (void)rules.allows_host(text);

  const auto json = parse_json(text);
  if (!json.ok()) {
    (void)json_text(error_json(api_error(json.error())));
    return 0;
  }
  const auto known = endpoints();
  const Endpoint& endpoint = known[data[0] % known.size()];
  if (endpoint.table != nullptr) {
    const auto fields = Fields::of(endpoint.table(), *json);
    if (!fields.ok()) (void)json_text(error_json(api_error(fields.error())));
  }
  if (!json->is_object()) return 0;
  if (json->contains("messages") && (*json)["messages"].is_array()) {
    const auto messages = read_messages((*json)["messages"]);
    if (messages.ok()) (void)json_text(*messages);
  }
  if (json->contains("tools") && (*json)["tools"].is_array()) {
    const auto tools = read_tools((*json)["tools"]);
    if (!tools.ok()) return 0;
    const Json* choice = json->contains("tool_choice") ? &(*json)["tool_choice"] : nullptr;
    (void)read_tool_choice(choice, *tools);
    if (json->contains("messages") && (*json)["messages"].is_array()) {
      auto messages = read_messages((*json)["messages"]);
      if (messages.ok()) describe_tools(*tools, *messages);
    }
  }
  return 0;
}
