// Hostile templates end in an error, quickly and without a crash.
#include <gtest/gtest.h>

#include "template/builtin.h"
#include "template/chat_request.h"
#include "template/chat_template.h"

namespace quipu::chat_template {
namespace {

std::string repeat(const std::string& text, size_t n) {
  std::string out;
  for (size_t i = 0; i < n; i++) out += text;
  return out;
}

Error error_of_rendering(const std::string& source) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed.ok()) return parsed.error();
  RenderInput input;
  input.limits = {.max_steps = 200'000, .max_depth = 200, .max_output_bytes = 1u << 20};
  const auto rendered = parsed->render(input);
  EXPECT_FALSE(rendered.ok()) << source.substr(0, 60);
  return rendered.ok() ? Error{} : rendered.error();
}

TEST(Limits, DeepNestingIsAnError) {
  const size_t n = 5000;
  for (const std::string& source :
       {"{{ " + repeat("(", n) + "1" + repeat(")", n) + " }}", "{{ " + repeat("[", n) + repeat("]", n) + " }}",
        "{{ " + repeat("not ", n) + "x }}", "{{ " + repeat("-", n) + "1 }}", "{{ x" + repeat("|trim", n) + " }}",
        "{{ x" + repeat(".a", n) + " }}", "{{ 1" + repeat("+1", n) + " }}",
        repeat("{% if 1 %}", n) + repeat("{% endif %}", n), "{{ 1 if 1 else " + repeat("1 if 1 else ", n) + "1 }}",
        "{% if 0 %}" + repeat("{% elif 0 %}", n) + "{% endif %}"})
    EXPECT_EQ(error_of_rendering(source).kind, ErrorKind::limit_exceeded) << source.substr(0, 40);
}

TEST(Limits, EndlessWorkIsAnError) {
  for (const char* source :
       {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", "{{ 'x' * 1000000000000 }}",
        "{{ [1] * 1000000000000 }}", "{{ range(1000000000) }}", "{{ 'ab'.replace('', 'x' * 1000000) * 1000 }}",
        "{{ '%1000000000d' % 1 }}", "{{ '{:1000000000}'.format(1) }}", "{{ 'x'.center(1000000000) }}",
        "{{ 10 ** 100 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}"})
    EXPECT_EQ(error_of_rendering(source).kind, ErrorKind::limit_exceeded) << source;
}

TEST(Limits, NamespacesThatHoldEachOtherAreFreed) {
  const auto parsed = ChatTemplate::parse("{% set a = namespace() %}{% set a.self = a %}{% set a.l = [a] %}done");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed->render({}), "done");
}

TEST(Errors, NameLineAndColumn) {
  const auto parsed = ChatTemplate::parse("line one\n  {{ 1 + }}");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message.find("line 2, column 10"), std::string::npos) << parsed.error().message;
}

TEST(Builtin, EveryTemplateParsesAndRenders) {
  for (const BuiltinTemplate& builtin : builtin_templates()) {
    const auto parsed = ChatTemplate::parse(builtin.source);
    ASSERT_TRUE(parsed.ok()) << builtin.name << parsed.error().message;
    RenderInput input;
    input.messages = Json::parse(R"([{"role":"system","content":"S"},{"role":"user","content":"U"}])");
    const auto text = parsed->render(input);
    ASSERT_TRUE(text.ok()) << builtin.name << ": " << text.error().message;
    EXPECT_NE(text->find('U'), std::string::npos) << builtin.name;
    EXPECT_NE(text->find('S'), std::string::npos) << builtin.name;
  }
}

TEST(ChatRequest, BadRequestsNameTheirPath) {
  const std::pair<const char*, const char*> kCases[] = {
      {"[]", "$"},
      {"{}", "$.messages"},
      {"{\"messages\":1}", "$.messages"},
      {"{\"messages\":[1]}", "$.messages[0]"},
      {"{\"messages\":[{\"role\":\"user\"},{}]}", "$.messages[1].role"},
      {"{\"messages\":[{\"role\":\"user\",\"content\":5}]}", "$.messages[0].content"},
      {"{\"messages\":[{\"role\":\"a\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]}",
       "$.messages[0].tool_calls[0].function.arguments"},
      {"{\"messages\":[],\"tools\":{}}", "$.tools"},
      {"{\"messages\":[],\"add_generation_prompt\":1}", "$.add_generation_prompt"},
      {"{", "$"},
  };
  for (const auto& [json, path] : kCases) {
    const auto input = parse_chat_request(std::string_view(json));
    ASSERT_FALSE(input.ok()) << json;
    EXPECT_TRUE(input.error().message.starts_with(path)) << json << ": " << input.error().message;
  }
  EXPECT_FALSE(parse_chat_request(std::string_view(repeat("[", 3000))).ok());
}

TEST(ChatRequest, PartsAreJoinedAndArgumentsParsed) {
  const auto input = parse_chat_request(std::string_view(R"({"messages":[
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"x\": 1}"}}]}]})"));
  ASSERT_TRUE(input.ok()) << input.error().message;
  EXPECT_EQ(input->messages[0]["content"], "ab");
  EXPECT_EQ(input->messages[1]["tool_calls"][0]["function"]["arguments"]["x"], 1);
}

}  // namespace
}  // namespace quipu::chat_template
