#include "server/tools/tool_format.h"

#include <algorithm>

#include "server/tools/readers.h"

namespace quipu::server {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// References of a schema that stands at `place` of another one begin there.
void move_references(Json& schema, const std::string& place) {
  if (schema.is_object()) {
    const auto reference = schema.find("$ref");
    if (reference != schema.end() && reference->is_string() &&
        reference->get_ref<const std::string&>().starts_with('#'))
      *reference = "#" + place + reference->get<std::string>().substr(1);
  }
  if (!schema.is_structured()) return;
  for (Json& inner : schema) move_references(inner, place);
}

// The schema of one call, which will stand at `place`.
Json call_schema(const std::vector<Tool>& tools, const std::string& arguments_key, const std::string& place) {
  Json calls = Json::array();
  for (size_t i = 0; i < tools.size(); i++) {
    Json parameters = tools[i].parameters;
    const std::string at = tools.size() == 1 ? place : fmt::format("{}/anyOf/{}", place, i);
    move_references(parameters, fmt::format("{}/properties/{}", at, arguments_key));
    calls.push_back({{"type", "object"},
                     {"properties", {{"name", {{"const", tools[i].name}}}, {arguments_key, parameters}}},
                     {"required", Json::array({"name", arguments_key})},
                     {"additionalProperties", false}});
  }
  if (calls.size() == 1) return calls[0];
  return {{"anyOf", calls}};
}

}  // namespace

std::string_view tool_format_name(ToolFormat format) {
  switch (format) {
    case ToolFormat::llama3:
      return "llama-3.1";
    case ToolFormat::hermes:
      return "hermes";
    case ToolFormat::mistral:
      return "mistral";
    case ToolFormat::generic:
      return "generic";
  }
  return "";
}

ToolFormat detect_tool_format(std::string_view chat_template) {
  if (!contains(chat_template, "tools")) return ToolFormat::generic;
  if (contains(chat_template, "[TOOL_CALLS]")) return ToolFormat::mistral;
  if (contains(chat_template, "<tool_call>")) return ToolFormat::hermes;
  if (contains(chat_template, "<|start_header_id|>") &&
      (contains(chat_template, "ipython") || contains(chat_template, "<|python_tag|>")))
    return ToolFormat::llama3;
  return ToolFormat::generic;
}

std::unique_ptr<ToolReader> make_tool_reader(ToolFormat format, std::vector<std::string> names) {
  switch (format) {
    case ToolFormat::llama3:
      return make_llama3_reader(std::move(names));
    case ToolFormat::mistral:
      return make_mistral_reader(std::move(names));
    default:
      return make_hermes_reader(std::move(names));
  }
}

ForcedCall forced_call(ToolFormat format, const std::vector<Tool>& tools, bool several) {
  switch (format) {
    case ToolFormat::llama3:
      return {"", call_schema(tools, "parameters", "")};
    case ToolFormat::mistral: {
      Json list{{"type", "array"}, {"items", call_schema(tools, "arguments", "/items")}, {"minItems", 1}};
      if (!several) list["maxItems"] = 1;
      return {"[TOOL_CALLS]", std::move(list)};
    }
    default:
      return {"<tool_call>\n", call_schema(tools, "arguments", "")};
  }
}

void describe_tools(const std::vector<Tool>& tools, Json& messages) {
  std::string text =
      "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function "
      "signatures within <tools></tools> XML tags:\n<tools>\n";
  for (const Tool& tool : tools) text += json_text(tool.whole) + "\n";
  text +=
      "</tools>\n\nFor each function call, return a json object with function name and arguments within "
      "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": "
      "<args-json-object>}\n</tool_call>";
  Json plain = Json::array();
  bool described = false;
  for (Json message : messages) {
    const std::string role = message.value("role", "");
    if (role == "system" && !described && message["content"].is_string()) {
      message["content"] = message["content"].get<std::string>() + "\n\n" + text;
      described = true;
    }
    if (role == "assistant" && message.contains("tool_calls") && message["tool_calls"].is_array()) {
      std::string content = message.contains("content") && message["content"].is_string()
                                ? message["content"].get<std::string>()
                                : std::string();
      for (const Json& call : message["tool_calls"]) {
        if (!call.is_object() || !call.contains("function")) continue;
        const Json& function = call["function"];
        const Json shown{{"name", function.value("name", Json())}, {"arguments", function.value("arguments", Json())}};
        content += (content.empty() ? "" : "\n") + ("<tool_call>\n" + json_text(shown) + "\n</tool_call>");
      }
      message = {{"role", "assistant"}, {"content", content}};
    }
    if (role == "tool") {
      const std::string result = message.contains("content") && message["content"].is_string()
                                     ? message["content"].get<std::string>()
                                     : std::string();
      message = {{"role", "user"}, {"content", "<tool_response>\n" + result + "\n</tool_response>"}};
    }
    plain.push_back(std::move(message));
  }
  if (!described) plain.insert(plain.begin(), Json{{"role", "system"}, {"content", text}});
  messages = std::move(plain);
}

}  // namespace quipu::server
