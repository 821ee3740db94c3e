// Llama 3.1's calls of built-in tools: brave_search.call(query="...").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/api/json.h"

namespace quipu::server {

struct PythonCall {
  std::string name;
  Json arguments = Json::object();
};

// `name.call(key=value, ...)` or `name(key=value, ...)`, and nothing but white space behind it. Values are Python
// literals: texts, numbers, True, False, None, lists and dictionaries of such, nested 32 deep at most.
std::optional<PythonCall> parse_python_call(std::string_view text);

}  // namespace quipu::server
