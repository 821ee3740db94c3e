// Chat templates that --chat-template knows by name, for models that bring none.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace quipu::chat_template {

struct BuiltinTemplate {
  std::string_view name;
  std::string_view source;  // Jinja
};

std::span<const BuiltinTemplate> builtin_templates();
// The source of that name, or nothing.
std::optional<std::string_view> builtin_template(std::string_view name);

}  // namespace quipu::chat_template
