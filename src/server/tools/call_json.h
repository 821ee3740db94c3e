// Reads {"name": "f", "arguments": {...}} as it comes, byte by byte, and streams the arguments.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/tools/tool_format.h"

namespace quipu::server {

class CallJson {
 public:
  enum class State : uint8_t { more, done, broken };

  // `names` must outlive it. `strict`: an object without arguments, or that begins with another key than a call's, is
  // none: for places where other JSON may stand.
  CallJson(std::span<const std::string> names, bool strict) : names_(names), strict_(strict) {}

  // Takes bytes up to the end of the object; `*n_taken` is how many. Nothing has been handed to `events` when it is
  // broken, unless committed().
  State push(std::string_view text, size_t* n_taken, ToolEvents& events);
  // Whether events.on_call was called.
  [[nodiscard]] bool committed() const { return committed_; }

 private:
  enum class At : uint8_t { start, first_key, key, in_key, colon, value, in_text, in_nested, in_scalar, after_value };
  enum class Role : uint8_t { name, arguments, other };

  State step(char c, ToolEvents& events);
  State begin_value(char c);
  State end_value(ToolEvents& events);
  State end_object(ToolEvents& events);
  bool choose_role();
  void commit(ToolEvents& events);
  void take_argument(char c);

  std::span<const std::string> names_;
  bool strict_;
  At at_ = At::start;
  Role role_ = Role::other;
  std::string key_, value_;       // raw, with quotes
  std::string name_, arguments_;  // arguments_: not handed out yet
  size_t depth_ = 0, n_held_ = 0;
  bool in_inner_text_ = false, escaped_ = false;
  bool has_name_ = false, has_arguments_ = false, committed_ = false;
};

}  // namespace quipu::server
