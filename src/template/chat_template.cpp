#include "template/chat_template.h"

#include "template/ast.h"
#include "template/interpreter.h"

namespace quipu::chat_template {

struct ChatTemplate::State {
  NodePtr root;
};

// Published templates are under 32 KiB.
constexpr size_t kMaxSourceBytes = 4u << 20;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return error_of(ErrorKind::limit_exceeded, "the chat template has {} bytes; {} is the limit", source.size(),
                    kMaxSourceBytes);
  try {
    auto state = std::make_shared<State>();
    state->root = parse_template(source);
    ChatTemplate result;
    result.state_ = std::move(state);
    return result;
  } catch (Failure& failure) {
    return Error{failure.kind, std::move(failure.message)};
  }
}

Result<std::string> ChatTemplate::render(const RenderInput& input) const {
  try {
    auto globals = std::make_shared<Scope>();
    Interpreter interpreter(input.limits, globals);
    auto& variables = globals->variables;
    variables["messages"] = Value::from_json(input.messages);
    variables["tools"] = Value::from_json(input.tools);
    variables["documents"] = Value::from_json(input.documents);
    variables["add_generation_prompt"] = input.add_generation_prompt;
    variables["bos_token"] = input.bos_token;
    variables["eos_token"] = input.eos_token;
    variables["strftime_now"] = std::make_shared<const Callable>(
        Callable{"strftime_now", [&input](const Arguments& arguments) -> Value {
                   const Value format = arguments.get_or(0, "format", Value(""));
                   if (!format.is_string()) fail("strftime_now() wants a text");
                   return input.strftime_now ? input.strftime_now(format.string()) : std::string();
                 }});
    for (const auto& [name, value] : input.extra.items()) variables[name] = Value::from_json(value);
    return interpreter.run(*state_->root);
  } catch (Failure& failure) {
    return Error{failure.kind, std::move(failure.message)};
  }
}

}  // namespace quipu::chat_template
