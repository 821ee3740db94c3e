// GET /openapi.json: from the tables that requests are checked with.
#include <algorithm>

#include "server/api/endpoints.h"

namespace quipu::server {
namespace {

std::string operation_id(const Endpoint& endpoint) {
  std::string id = endpoint.method[0] == 'G' ? "get" : "post";
  for (const char c : std::string_view(endpoint.path)) {
    if (c == '*') {
      id += "_one";
    } else {
      id += c == '/' || c == '-' || c == '.' ? '_' : c;
    }
  }
  return id;
}

Json json_content(const char* type, Json schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

Json operation(const Endpoint& endpoint) {
  Json op{{"summary", endpoint.summary}, {"operationId", operation_id(endpoint)}};
  if (std::string_view(endpoint.path).ends_with('*'))
    op["parameters"] = {{{"name", "name"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}};
  if (std::string_view(endpoint.path) == "/slots/*") {
    op["parameters"].push_back({{"name", "action"},
                                {"in", "query"},
                                {"required", true},
                                {"schema", {{"enum", {"save", "restore", "erase"}}}}});
  }
  if (endpoint.table != nullptr)
    op["requestBody"] = {{"required", true},
                         {"content", json_content("application/json", schema_of(endpoint.table()))}};
  Json content = json_content(endpoint.content_type, Json::object());
  if (endpoint.streams) content["text/event-stream"] = Json::object();
  const char* error = endpoint.anthropic ? "#/components/schemas/AnthropicError" : "#/components/schemas/Error";
  const auto refusal = [&](const char* text) {
    return Json{{"description", text}, {"content", json_content("application/json", {{"$ref", error}})}};
  };
  op["responses"] = {{"200", {{"description", "The answer"}, {"content", std::move(content)}}},
                     {"400", refusal("What is wrong with the request, and with which field")},
                     {"401", refusal("No valid API key")},
                     {"403", refusal("A web page that may not use the server")},
                     {"404", refusal("No such model, slot or path")},
                     {"413", refusal("The body is too long")},
                     {"429", refusal("The queue is full")},
                     {"500", refusal("The server's own failure")},
                     {"503", refusal("The server shuts down, or lacks memory")}};
  if (endpoint.open) op["security"] = Json::array();
  return op;
}

Json document(const std::string& prefix) {
  Json paths = Json::object();
  for (const Endpoint& endpoint : endpoints()) {
    std::string path = endpoint.path;
    if (path.ends_with('*')) path = path.substr(0, path.size() - 1) + "{name}";
    std::string method = endpoint.method;
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    paths[path][method] = operation(endpoint);
  }
  const Json nullable_text{{"type", {"string", "null"}}};
  const Json error{{"type", "object"},
                   {"required", {"error"}},
                   {"properties",
                    {{"error",
                      {{"type", "object"},
                       {"required", {"message", "type", "param", "code"}},
                       {"properties",
                        {{"message", {{"type", "string"}}},
                         {"type", {{"type", "string"}}},
                         {"param", nullable_text},
                         {"code", nullable_text}}}}}}}};
  const Json anthropic{
      {"type", "object"},
      {"required", {"type", "error"}},
      {"properties",
       {{"type", {{"const", "error"}}}, {"error", {{"type", "object"}, {"required", {"type", "message"}}}}}}};
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "quipu"}, {"version", QUIPU_VERSION}}},
          {"servers", Json::array({{{"url", prefix.empty() ? "/" : prefix}}})},
          {"security", Json::array({Json::object({{"key", Json::array()}}), Json::object()})},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", {{"Error", error}, {"AnthropicError", anthropic}}},
            {"securitySchemes", {{"key", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

}  // namespace

Status openapi(Call& call, const Fields*) {
  call.respond(document(call.service.options.url_prefix));
  return {};
}

}  // namespace quipu::server
