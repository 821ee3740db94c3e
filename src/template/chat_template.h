// Chat templates: the Jinja text of a model and a conversation become the prompt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu::chat_template {

// Keys keep their order, as Python's dicts do; tojson shows it.
using Json = nlohmann::ordered_json;

struct Limits {
  uint64_t max_steps = 10'000'000;  // nodes evaluated
  uint32_t max_depth = 200;         // nesting of expressions, blocks and macro calls
  uint64_t max_output_bytes = 64u << 20;
};

struct RenderInput {
  Json messages = Json::array();
  Json tools;      // null: the template sees `tools` as none
  Json documents;  // null: none
  bool add_generation_prompt = true;
  std::string bos_token, eos_token;
  Json extra = Json::object();  // further variables (chat_template_kwargs); they win over the ones above
  // strftime_now(format); tests pass a fixed clock.
  std::function<std::string(const std::string& format)> strftime_now;
  Limits limits;
};

// Immutable after parsing; may be used from any thread.
class ChatTemplate {
 public:
  // Errors name line and column.
  static Result<ChatTemplate> parse(std::string_view source);
  // raise_exception in the template is an invalid_input error with its message.
  [[nodiscard]] Result<std::string> render(const RenderInput& input) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace quipu::chat_template
