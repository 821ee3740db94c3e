// The readers of the single formats: seen by this folder alone.
#pragma once

#include "server/tools/tool_format.h"

namespace quipu::server {

// <tool_call>{"name": ..., "arguments": {...}}</tool_call>, any number of them among text. Hermes 2 Pro, Qwen 2.5 and
// 3, and the generic form.
std::unique_ptr<ToolReader> make_hermes_reader(std::vector<std::string> names);
// {"name": ..., "parameters": {...}} at the start of an answer, more of them behind it after ";" or white space;
// <|python_tag|> before such an object, before name.call(key=value) or before Python code.
std::unique_ptr<ToolReader> make_llama3_reader(std::vector<std::string> names);
// [TOOL_CALLS][{"name": ..., "arguments": {...}}, ...], or [TOOL_CALLS]name[ARGS]{...} for each call.
std::unique_ptr<ToolReader> make_mistral_reader(std::vector<std::string> names);

}  // namespace quipu::server
