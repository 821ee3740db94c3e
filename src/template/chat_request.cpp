#include "template/chat_request.h"

namespace quipu::chat_template {
namespace {

// Deeper than any tool's schema in use, far from what the stack holds.
constexpr int kMaxDepth = 100;
constexpr size_t kMaxMessages = 100000;

Result<Json> parse_json(std::string_view text, const std::string& path) {
  bool too_deep = false;
  const auto limit = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json json = Json::parse(text, limit, /*allow_exceptions=*/false);
  if (too_deep) return error_of(ErrorKind::limit_exceeded, "{}: nested more than {} deep", path, kMaxDepth);
  if (json.is_discarded()) return invalid_input("{}: not valid JSON", path);
  return json;
}

// A list of text parts becomes one text; lists with other parts stay for templates that know them.
void join_text_parts(Json& content) {
  std::string text;
  for (const Json& part : content) {
    if (!part.is_object() || part.value("type", "") != "text" || !part.contains("text") || !part["text"].is_string())
      return;
    text += part["text"].get<std::string>();
  }
  content = text;
}

Status read_tool_calls(Json& calls, const std::string& path) {
  if (calls.is_null()) return {};
  if (!calls.is_array()) return invalid_input("{}: must be a list", path);
  for (size_t i = 0; i < calls.size(); i++) {
    const std::string where = fmt::format("{}[{}]", path, i);
    if (!calls[i].is_object()) return invalid_input("{}: must be an object", where);
    if (!calls[i].contains("function")) continue;
    Json& function = calls[i]["function"];
    if (!function.is_object() || !function.contains("name") || !function["name"].is_string())
      return invalid_input("{}.function: must be an object with a name", where);
    if (!function.contains("arguments") || !function["arguments"].is_string()) continue;
    QUIPU_TRY(function["arguments"],
              parse_json(function["arguments"].get<std::string>(), where + ".function.arguments"));
  }
  return {};
}

Status read_message(Json& message, const std::string& path) {
  if (!message.is_object()) return invalid_input("{}: must be an object", path);
  if (!message.contains("role") || !message["role"].is_string()) return invalid_input("{}.role: must be a text", path);
  if (message.contains("content")) {
    Json& content = message["content"];
    if (content.is_array())
      join_text_parts(content);
    else if (!content.is_string() && !content.is_null())
      return invalid_input("{}.content: must be a text or a list of parts", path);
  }
  if (message.contains("tool_calls")) return read_tool_calls(message["tool_calls"], path + ".tool_calls");
  return {};
}

}  // namespace

Result<RenderInput> parse_chat_request(const Json& request) {
  if (!request.is_object()) return invalid_input("$: a chat request must be an object");
  if (!request.contains("messages") || !request["messages"].is_array())
    return invalid_input("$.messages: must be a list");
  RenderInput input;
  input.messages = request["messages"];
  if (input.messages.size() > kMaxMessages)
    return error_of(ErrorKind::limit_exceeded, "$.messages: more than {} messages", kMaxMessages);
  for (size_t i = 0; i < input.messages.size(); i++)
    QUIPU_CHECK_OK(read_message(input.messages[i], fmt::format("$.messages[{}]", i)));
  for (const auto& [name, target] : {std::pair{"tools", &input.tools}, std::pair{"documents", &input.documents}}) {
    if (!request.contains(name) || request[name].is_null()) continue;
    if (!request[name].is_array()) return invalid_input("$.{}: must be a list", name);
    if (!request[name].empty()) *target = request[name];
  }
  if (request.contains("add_generation_prompt")) {
    if (!request["add_generation_prompt"].is_boolean())
      return invalid_input("$.add_generation_prompt: must be true or false");
    input.add_generation_prompt = request["add_generation_prompt"].get<bool>();
  }
  if (request.contains("chat_template_kwargs") && !request["chat_template_kwargs"].is_null()) {
    if (!request["chat_template_kwargs"].is_object()) return invalid_input("$.chat_template_kwargs: must be an object");
    input.extra = request["chat_template_kwargs"];
  }
  return input;
}

Result<RenderInput> parse_chat_request(std::string_view json) {
  QUIPU_TRY(const Json request, parse_json(json, "$"));
  return parse_chat_request(request);
}

}  // namespace quipu::chat_template
