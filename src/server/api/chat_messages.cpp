#include "server/api/chat_messages.h"

#include <algorithm>

#include "server/api/fields.h"
#include "server/http/message.h"

namespace quipu::server {
namespace {

constexpr size_t kMostTools = 128;

const Table& message_fields() {
  static const Table table{
      {.name = "role",
       .kind = FieldKind::text,
       .required = true,
       .choices = {"system", "developer", "user", "assistant", "tool", "function"}},
      {.name = "content"},
      {.name = "name", .kind = FieldKind::text},
      {.name = "tool_calls", .kind = FieldKind::list},
      {.name = "tool_call_id", .kind = FieldKind::text},
      {.name = "refusal", .kind = FieldKind::text},
      {.name = "reasoning_content", .kind = FieldKind::text},
      {.name = "annotations", .only = {"[]"}},
      {.name = "audio", .only = {"null"}},
      {.name = "function_call", .only = {"null"}},
  };
  return table;
}

Status check_parts(const Json& parts, const std::string& path) {
  for (size_t i = 0; i < parts.size(); i++) {
    const std::string at = fmt::format("{}[{}]", path, i);
    if (!parts[i].is_object() || !parts[i].contains("type") || !parts[i]["type"].is_string())
      return invalid_input("{}.type: is missing", at);
    const auto type = parts[i]["type"].get<std::string>();
    if (type != "text" && type != "refusal")
      return error_of(ErrorKind::unsupported, "{}.type: is '{}', but this server reads text alone", at,
                      type.substr(0, 64));
    if (!parts[i].contains(type) || !parts[i][type].is_string())
      return invalid_input("{}.{}: must be a text", at, type);
  }
  return {};
}

std::string joined_parts(const Json& parts) {
  std::string text;
  for (const Json& part : parts) text += part[part["type"].get<std::string>()].get<std::string>();
  return text;
}

Status check_calls(const Json& calls, const std::string& path) {
  for (size_t i = 0; i < calls.size(); i++) {
    const std::string at = fmt::format("{}[{}]", path, i);
    static const Table kCall{{.name = "id", .kind = FieldKind::text},
                             {.name = "index", .kind = FieldKind::integer},
                             {.name = "type", .kind = FieldKind::text, .choices = {"function"}},
                             {.name = "function", .kind = FieldKind::object, .required = true}};
    QUIPU_TRY(const Fields call, Fields::of(kCall, calls[i], at));
    static const Table kFunction{{.name = "name", .kind = FieldKind::text, .required = true},
                                 {.name = "arguments", .required = true}};
    QUIPU_TRY(const Fields function, Fields::of(kFunction, *call.find("function"), at + ".function"));
    if (!function.find("arguments")->is_string() && !function.find("arguments")->is_object())
      return invalid_input("{}.function.arguments: must be a text or an object", at);
  }
  return {};
}

Result<Tool> read_tool(const Json& json, const std::string& path) {
  static const Table kTool{{.name = "type", .kind = FieldKind::text, .required = true, .choices = {"function"}},
                           {.name = "function", .kind = FieldKind::object, .required = true}};
  QUIPU_TRY(const Fields outer, Fields::of(kTool, json, path));
  static const Table kFunction{{.name = "name", .kind = FieldKind::text, .required = true},
                               {.name = "description", .kind = FieldKind::text},
                               {.name = "parameters", .kind = FieldKind::object},
                               {.name = "strict", .kind = FieldKind::boolean}};
  QUIPU_TRY(const Fields function, Fields::of(kFunction, *outer.find("function"), path + ".function"));
  Tool tool;
  tool.name = function.text("name");
  if (!is_plain_name(tool.name))
    return invalid_input("{}.function.name: must be 1 to 64 letters, digits, '_', '-' or '.'", path);
  tool.parameters = Json{{"type", "object"}, {"properties", Json::object()}};
  if (const Json* parameters = function.find("parameters"); parameters != nullptr && !parameters->empty())
    tool.parameters = *parameters;
  tool.whole = json;
  return tool;
}

}  // namespace

Result<Json> read_messages(const Json& messages) {
  if (messages.empty()) return invalid_input("$.messages: is empty");
  Json out = Json::array();
  for (size_t i = 0; i < messages.size(); i++) {
    const std::string path = fmt::format("$.messages[{}]", i);
    QUIPU_TRY(const Fields fields, Fields::of(message_fields(), messages[i], path));
    Json message = messages[i];
    if (fields.text("role") == "developer") message["role"] = "system";
    if (const Json* content = fields.find("content")) {
      if (!content->is_string() && !content->is_array())
        return invalid_input("{}.content: must be a text or a list of parts", path);
      if (content->is_array()) {
        QUIPU_CHECK_OK(check_parts(*content, path + ".content"));
        message["content"] = joined_parts(*content);
      }
    } else if (!fields.has("tool_calls") && !fields.has("refusal")) {
      return invalid_input("{}.content: is missing", path);
    }
    if (const Json* calls = fields.find("tool_calls")) QUIPU_CHECK_OK(check_calls(*calls, path + ".tool_calls"));
    out.push_back(std::move(message));
  }
  return out;
}

Result<std::vector<Tool>> read_tools(const Json& tools) {
  std::vector<Tool> out;
  if (tools.size() > kMostTools)
    return error_of(ErrorKind::limit_exceeded, "$.tools: has more than {} tools", kMostTools);
  for (size_t i = 0; i < tools.size(); i++) {
    const std::string path = fmt::format("$.tools[{}]", i);
    QUIPU_TRY(Tool tool, read_tool(tools[i], path));
    if (std::ranges::find(out, tool.name, &Tool::name) != out.end())
      return invalid_input("{}.function.name: '{}' occurs twice", path, tool.name);
    out.push_back(std::move(tool));
  }
  return out;
}

Result<ToolChoice> read_tool_choice(const Json* choice, const std::vector<Tool>& tools) {
  ToolChoice out;
  if (tools.empty()) out.kind = ToolChoice::Kind::none;
  if (choice == nullptr) return out;
  if (choice->is_string()) {
    const auto& word = choice->get_ref<const std::string&>();
    if (word != "none" && word != "auto" && word != "required")
      return invalid_input("$.tool_choice: must be 'none', 'auto', 'required', or name a function");
    if (word == "none") out.kind = ToolChoice::Kind::none;
    if (word == "required") out.kind = ToolChoice::Kind::required;
  } else {
    static const Table kChoice{{.name = "type", .kind = FieldKind::text, .required = true, .choices = {"function"}},
                               {.name = "function", .kind = FieldKind::object, .required = true}};
    QUIPU_TRY(const Fields outer, Fields::of(kChoice, *choice, "$.tool_choice"));
    static const Table kFunction{{.name = "name", .kind = FieldKind::text, .required = true}};
    QUIPU_TRY(const Fields function, Fields::of(kFunction, *outer.find("function"), "$.tool_choice.function"));
    out.kind = ToolChoice::Kind::required;
    out.name = function.text("name");
    if (std::ranges::find(tools, out.name, &Tool::name) == tools.end())
      return invalid_input("$.tool_choice.function.name: there is no tool '{}'", out.name.substr(0, 64));
  }
  if (out.kind == ToolChoice::Kind::required && tools.empty())
    return invalid_input("$.tool_choice: asks for a call, but there are no tools");
  return out;
}

}  // namespace quipu::server
