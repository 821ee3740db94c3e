#include <gtest/gtest.h>

#include "server/tools/python_call.h"
#include "server/tools/tool_format.h"

namespace quipu::server {
namespace {

// What an answer is made of, as one line: text as it is, calls as name(arguments).
class Recorder : public ToolEvents {
 public:
  void on_text(std::string_view text) override {
    if (parts.empty() || is_call) parts.emplace_back();
    is_call = false;
    parts.back() += text;
  }
  void on_call(std::string_view name) override {
    parts.push_back("<" + std::string(name) + ">");
    is_call = true;
    n_open++;
  }
  void on_arguments(std::string_view piece) override {
    EXPECT_EQ(n_open, 1);
    n_pieces++;
    parts.back() += piece;
  }
  void on_call_end() override { n_open--; }

  std::vector<std::string> parts;
  bool is_call = false;
  int n_open = 0, n_pieces = 0;
};

using Parts = std::vector<std::string>;

// The parts must not depend on how the answer was cut.
Parts read(ToolFormat format, const std::string& answer) {
  std::optional<Parts> first;
  for (const size_t size : {answer.size() + 1, size_t{1}, size_t{2}, size_t{7}}) {
    const auto reader = make_tool_reader(format, {"get_weather", "brave_search", "time"});
    Recorder recorder;
    for (size_t at = 0; at < answer.size(); at += size) reader->push(answer.substr(at, size), recorder);
    reader->finish(recorder);
    EXPECT_EQ(recorder.n_open, 0) << answer;
    if (!first) first = recorder.parts;
    EXPECT_EQ(*first, recorder.parts) << "in pieces of " << size;
  }
  return *first;
}

constexpr auto kLlama = ToolFormat::llama3;
constexpr auto kHermes = ToolFormat::hermes;
constexpr auto kMistral = ToolFormat::mistral;

TEST(Llama3Tools, ObjectsAtTheStart) {
  EXPECT_EQ(read(kLlama, R"({"name": "get_weather", "parameters": {"city": "Pa}ri\"s", "n": [1, {"a": 2}]}})"),
            (Parts{R"(<get_weather>{"city": "Pa}ri\"s", "n": [1, {"a": 2}]})"}));
  EXPECT_EQ(read(kLlama, "\n {\"type\": \"function\", \"name\": \"time\", \"parameters\": {}}"), (Parts{"<time>{}"}));
  EXPECT_EQ(read(kLlama, R"({"parameters": {"a": 1}, "name": "time"})"), (Parts{R"(<time>{"a": 1})"}));
  EXPECT_EQ(read(kLlama, R"({"name": "time", "parameters": {}}; {"name": "get_weather", "parameters": {"c": 1}})"),
            (Parts{"<time>{}", R"(<get_weather>{"c": 1})"}));
  EXPECT_EQ(read(kLlama, R"({"name": "time", "parameters": "{\"a\": 1}"})"), (Parts{R"(<time>{"a": 1})"}));
}

TEST(Llama3Tools, WhatOnlyLooksLikeACallIsText) {
  for (const std::string text : {
           R"({"name": "unknown", "parameters": {}})",
           R"({"answer": 42})",
           R"({"name": "time"})",
           R"({"name": 5, "parameters": {}})",
           R"({"name": "time", "parameters": [1]})",
           R"({"name" "time"})",
           R"({)",
           R"(Call {"name": "time", "parameters": {}} please)",
           "Hello",
           "<|python_ta",
           "{\"name\": \"time\", \"para",
       }) {
    EXPECT_EQ(read(kLlama, text), Parts{text});
  }
}

TEST(Llama3Tools, PythonTag) {
  EXPECT_EQ(read(kLlama, R"(<|python_tag|>brave_search.call(query="the \"sea\"", n=3, deep=True, x=None))"),
            (Parts{R"(<brave_search>{"query":"the \"sea\"","n":3,"deep":true,"x":null})"}));
  EXPECT_EQ(read(kLlama, R"(<|python_tag|>{"name": "time", "parameters": {"a": 1}})"), (Parts{R"(<time>{"a": 1})"}));
  EXPECT_EQ(read(kLlama, "Let me see. <|python_tag|>time.call()"), (Parts{"Let me see. ", "<time>{}"}));
  EXPECT_EQ(read(kLlama, "<|python_tag|>other.call(a=1)"), (Parts{"<|python_tag|>other.call(a=1)"}));
}

TEST(Llama3Tools, PythonCodeIsTheInterpretersArgument) {
  const auto reader = make_tool_reader(kLlama, {"code_interpreter"});
  Recorder recorder;
  reader->push("<|python_tag|>print(1)\nx = 2", recorder);
  reader->finish(recorder);
  EXPECT_EQ(recorder.parts, (Parts{R"(<code_interpreter>{"code":"print(1)\nx = 2"})"}));
}

TEST(HermesTools, CallsAmongText) {
  EXPECT_EQ(read(kHermes, "I look.\n<tool_call>\n{\"name\": \"time\", \"arguments\": {\"z\": [1]}}\n</tool_call>"),
            (Parts{"I look.\n", R"(<time>{"z": [1]})"}));
  EXPECT_EQ(
      read(kHermes,
           "<tool_call>{\"name\":\"time\",\"arguments\":{}}</tool_call>\n<tool_call>\n{\"arguments\": {\"a\": 1}, "
           "\"name\": \"get_weather\"}\n</tool_call>"),
      (Parts{"<time>{}", R"(<get_weather>{"a": 1})"}));
  EXPECT_EQ(read(kHermes, "<tool_call>{\"name\":\"time\"}</tool_call> Done. Or not."),
            (Parts{"<time>{}", "Done. Or not."}));
  EXPECT_EQ(read(kHermes, "<tool_call>{\"name\":\"time\",\"arguments\":{\"a\":\"cut of"),
            (Parts{R"(<time>{"a":"cut of)"}));
}

TEST(HermesTools, WhatOnlyLooksLikeACallIsText) {
  for (const std::string text :
       {"a < b <tool", "<tool_call>nonsense</tool_call>", "<tool_call>",
        "<tool_call>{\"name\":\"unknown\",\"arguments\":{}}</tool_call>", "{\"name\":\"time\",\"arguments\":{}}"}) {
    EXPECT_EQ(read(kHermes, text), Parts{text});
  }
}

TEST(MistralTools, ListsAndNames) {
  EXPECT_EQ(
      read(kMistral,
           R"([TOOL_CALLS][{"name": "time", "arguments": {"a": "]"}}, {"name": "get_weather", "arguments": {}}])"),
      (Parts{R"(<time>{"a": "]"})", "<get_weather>{}"}));
  EXPECT_EQ(read(kMistral, R"([TOOL_CALLS]time[ARGS]{"a": {"b": "}"}}[TOOL_CALLS]get_weather[CALL_ID]x1[ARGS]{})"),
            (Parts{R"(<time>{"a": {"b": "}"}})", "<get_weather>{}"}));
  EXPECT_EQ(read(kMistral, R"(Well. [TOOL_CALLS] [{"name": "time", "arguments": {}, "id": "abc"}])"),
            (Parts{"Well. ", "<time>{}"}));
  EXPECT_EQ(read(kMistral, "[TOOL_CALLS]time[ARGS]{} That is all."), (Parts{"<time>{}", "That is all."}));
}

TEST(MistralTools, WhatOnlyLooksLikeACallIsText) {
  for (const std::string text : {"[TOOL", "[TOOL_CALLS]", "[TOOL_CALLS]unknown[ARGS]{}", "[TOOL_CALLS][1]", "[1, 2]"})
    EXPECT_EQ(read(kMistral, text), Parts{text});
}

TEST(ToolFormats, ArgumentsAreStreamed) {
  const auto reader = make_tool_reader(kHermes, {"time"});
  Recorder recorder;
  for (const char c : std::string(R"(<tool_call>{"name":"time","arguments":{"a":1}}</tool_call>)"))
    reader->push(std::string(1, c), recorder);
  EXPECT_EQ(recorder.n_pieces, 7);
}

TEST(ToolFormats, AreFoundByTheTemplate) {
  EXPECT_EQ(detect_tool_format("{{ messages }}"), ToolFormat::generic);
  EXPECT_EQ(detect_tool_format("{% if tools %}<tool_call>{% endif %}"), kHermes);
  EXPECT_EQ(detect_tool_format("{% if tools %}[TOOL_CALLS]{% endif %}"), kMistral);
  EXPECT_EQ(detect_tool_format("{% if tools %}<|start_header_id|>ipython{% endif %}"), kLlama);
  EXPECT_EQ(detect_tool_format("{% if tools %}<other>{% endif %}"), ToolFormat::generic);
}

TEST(ToolFormats, GenericToolsGoIntoTheMessages) {
  Json messages = Json::parse(R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "?"},
    {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "time", "arguments": {"a": 1}}}]},
    {"role": "tool", "content": "noon"}])");
  describe_tools({Tool{"time", Json::object(), Json{{"type", "function"}}}}, messages);
  EXPECT_NE(messages[0]["content"].get<std::string>().find("<tools>"), std::string::npos);
  EXPECT_TRUE(messages[0]["content"].get<std::string>().starts_with("Be brief."));
  EXPECT_EQ(messages[2]["content"], "<tool_call>\n{\"name\":\"time\",\"arguments\":{\"a\":1}}\n</tool_call>");
  EXPECT_EQ(messages[3]["role"], "user");
}

TEST(PythonCalls, LiteralsOfAllKinds) {
  const auto call = parse_python_call(R"( f( a = 'x\ty\u00e9', b=[1, -2.5, (True,)], c={"k": None}, ) )");
  EXPECT_FALSE(call);  // a trailing comma is no argument
  const auto other = parse_python_call(R"(f(a='x\ty\u00e9', b=[1, -2.5, (True,)], c={"k": None}))");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->arguments.dump(), R"({"a":"x\ty)"
                                     "\u00e9"
                                     R"(","b":[1,-2.5,[true]],"c":{"k":null}})");
  for (const char* text : {"", "f", "f(", "f(a)", "f(a=)", "f(a=1) x", "f(a=1, a=2)", "f(a=x)", "1(a=1)", "f.g(a=1)",
                           "f(a='x)", "f(a=1e999)", "f(a=b())"})
    EXPECT_FALSE(parse_python_call(text)) << text;
  EXPECT_FALSE(parse_python_call("f(a=" + std::string(5000, '[') + std::string(5000, ']') + ")"));
}

}  // namespace
}  // namespace quipu::server
