// Any text as a template: parsing and rendering with small limits ends in a text or an error.
#include <cstdint>

#include "template/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu::chat_template;
  const auto parsed = ChatTemplate::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  RenderInput input;
  input.limits = {.max_steps = 20000, .max_depth = 100, .max_output_bytes = 1u << 16};
  input.messages = Json::parse(R"([{"role":"user","content":"hi"},{"role":"assistant","content":null,
    "tool_calls":[{"function":{"name":"f","arguments":{"a":[1,2.5,true]}}}]}])");
  input.tools = Json::parse(R"([{"type":"function","function":{"name":"f","parameters":{}}}])");
  const auto rendered = parsed->render(input);
  static_cast<void>(rendered);
  return 0;
}
