#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>

#include "grammar/matcher.h"

namespace quipu::grammar {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

// All bytes, and what the vocabularies of models join: several terminals of JSON in one token.
const std::vector<std::string>& tokens() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> result;
    for (int b = 0; b < 256; ++b) result.emplace_back(1, static_cast<char>(b));
    for (const char* t :
         {"{\"",    "\":", "\": ", "\",\"",  "\", \"", "\"}",  "\"}}", "]}",  "[]",  "{}",  ", ",  ",\n",  "\n  ",
          "\n    ", "foo", "bar",  "foo\":", "true",   "null", "als",  "10",  "100", ".5",  "],[", "\\\"", "\":[",
          "\":{\"", "12",  "23",   "0.",     "},{\"",  "a\"",  "[{\"", "{\n", "[\n", "}\n", ":"}) {
      result.emplace_back(t);
    }
    return result;
  }();
  return all;
}

std::shared_ptr<const TokenTrie> trie() {
  static const auto shared = [] {
    const std::vector<std::string_view> views(tokens().begin(), tokens().end());
    return std::make_shared<const TokenTrie>(views, std::span<const Token>());
  }();
  return shared;
}

// Takes the text token by token, the longest one each time, and asks at each that the mask allows it exactly if the
// matcher takes it.
bool accepts(const std::shared_ptr<MaskCache>& cache, std::string_view text) {
  Matcher matcher(cache);
  std::vector<uint32_t> mask((tokens().size() + 31) / 32);
  while (!text.empty()) {
    size_t best = 0;
    for (size_t t = 0; t < tokens().size(); ++t) {
      if (text.starts_with(tokens()[t]) && tokens()[t].size() > tokens()[best].size()) best = t;
    }
    if (tokens()[best].size() == 1) best = static_cast<uint8_t>(text[0]);
    const Status status = matcher.fill_mask(mask);
    const bool allowed = status.ok() && ((mask[best / 32] >> (best % 32)) & 1u) != 0;
    const bool taken = matcher.accept(static_cast<Token>(best));
    EXPECT_EQ(allowed, taken) << text;
    if (!taken) return false;
    text.remove_prefix(tokens()[best].size());
  }
  return matcher.is_accepting();
}

// What docs/formats/json-schema.md says cannot be honoured: parts of the messages.
const char* const kRefused[] = {"'dependencies'",
                                "'unevaluatedItems'",
                                "'unevaluatedProperties'",
                                "'$dynamicRef'",
                                "'uniqueItems'",
                                "'maxContains'",
                                "minProperties: cannot",
                                "'not' of",
                                "'$id'",
                                "'$schema'",
                                "in another document",
                                "is not known",
                                "too many digits",
                                "back reference",
                                "lookaround",
                                "\\b",
                                "\\p",
                                "more than one 'contains'"};

TEST(JsonSchema, OfficialSuite) {
  std::ifstream file(QUIPU_REFERENCES_DIR "/grammar/suite.json");
  if (!file) GTEST_SKIP() << "scripts/references.sh has not made grammar/suite.json";
  const Json groups = Json::parse(file);
  size_t n_honoured = 0, n_refused = 0, n_valid = 0, n_invalid = 0;
  std::map<std::string, size_t> refused_in;
  for (const Json& group : groups) {
    const std::string name = group["file"];
    if (name == "format.json") continue;  // there `format` is an annotation, here an assertion
    SCOPED_TRACE(name + ": " + group["description"].get<std::string>() + " " + group["schema"].dump());
    const auto grammar = Grammar::from_json_schema(group["schema"]);
    const bool none_valid = std::none_of(group["tests"].begin(), group["tests"].end(),
                                         [](const Json& t) { return t["valid"].get<bool>(); });
    if (!grammar.ok() && none_valid && grammar.error().message.starts_with("no text at all")) {
      ++n_honoured;
      continue;
    }
    if (!grammar.ok()) {
      const std::string& message = grammar.error().message;
      EXPECT_EQ(grammar.error().kind, ErrorKind::unsupported) << message;
      const auto is_named = [&](const char* what) { return message.find(what) != std::string::npos; };
      EXPECT_TRUE(std::any_of(std::begin(kRefused), std::end(kRefused), is_named)) << message;
      EXPECT_THAT(message, HasSubstr("#"));
      ++n_refused;
      ++refused_in[name];
      continue;
    }
    ++n_honoured;
    const auto cache = std::make_shared<MaskCache>(*grammar, trie());
    // Formats are honoured soundly: what is generated is valid, not all that is valid is generated.
    const bool sound_only = name.starts_with("optional/format/");
    for (const Json& test : group["tests"]) {
      size_t n_accepted = 0;
      std::string last;
      for (const Json& text : test["texts"]) {
        if (!accepts(cache, text.get_ref<const std::string&>())) continue;
        ++n_accepted;
        last = text;
      }
      if (test["valid"].get<bool>()) {
        ++n_valid;
        EXPECT_TRUE(n_accepted > 0 || sound_only) << test["description"] << ": refuses " << test["texts"][0];
      } else {
        ++n_invalid;
        EXPECT_EQ(n_accepted, 0u) << test["description"] << ": accepts " << last;
      }
    }
  }
  std::string refused;
  for (const auto& [name, n] : refused_in) refused += name + " " + std::to_string(n) + ", ";
  printf("%zu groups honoured, %zu refused (%s), %zu valid and %zu invalid instances\n", n_honoured, n_refused,
         refused.c_str(), n_valid, n_invalid);
  EXPECT_GE(n_honoured, 250u);
}

bool accepts(std::string_view schema, std::string_view text) {
  const auto grammar = Grammar::from_json_schema_text(schema);
  EXPECT_TRUE(grammar.ok()) << schema << (grammar.ok() ? "" : grammar.error().message);
  return grammar.ok() && accepts(std::make_shared<MaskCache>(*grammar, trie()), text);
}

TEST(JsonSchema, RefusalsNameKeywordAndPath) {
  std::string deep = R"({"type":"null"})";
  for (int i = 0; i < 3000; ++i) deep = R"({"items":)" + deep + "}";
  const std::tuple<std::string, ErrorKind, const char*> all[] = {
      {"[", ErrorKind::invalid_input, "the schema is no JSON"},
      {"3", ErrorKind::invalid_input, "#: a schema must be an object"},
      {R"({"type":"int"})", ErrorKind::invalid_input, "#/type: must name types of JSON"},
      {R"({"items":[{}]})", ErrorKind::invalid_input, "#/items: must be a schema"},
      {R"({"properties":{"a":{"minLength":-1}}})", ErrorKind::invalid_input,
       "#/properties/a/minLength: must be a whole"},
      {R"({"properties":{"a/b":{"unevaluatedItems":false}}})", ErrorKind::unsupported,
       "#/properties/a~1b/unevaluatedItems: the keyword 'unevaluatedItems' cannot"},
      {R"({"$defs":{"x":{"foo":1}},"items":{"$ref":"#/$defs/x"}})", ErrorKind::unsupported,
       "#/$defs/x/foo: the keyword 'foo' is not known"},
      {R"({"$ref":"#/$defs/y"})", ErrorKind::invalid_input, "#/$ref: '#/$defs/y' does not exist"},
      {R"({"patternProperties":{"^a":{}},"additionalProperties":false,"minProperties":3})", ErrorKind::unsupported,
       "#/minProperties: cannot be honoured"},
      {R"({"$ref":"other.json"})", ErrorKind::unsupported, "in another document"},
      {R"({"pattern":"(a"})", ErrorKind::invalid_input, "#/pattern: pattern '(a', byte 2: expected )"},
      {R"({"pattern":"(?=a)b"})", ErrorKind::unsupported, "lookaround"},
      {R"({"pattern":"(((a{900}){900}){900}){900}"})", ErrorKind::limit_exceeded, "more than 100000 states"},
      {R"({"format":"idn-email"})", ErrorKind::unsupported, "#/format: the format 'idn-email' cannot be honoured"},
      {R"({"multipleOf":0})", ErrorKind::invalid_input, "#/multipleOf: must be above 0"},
      {R"({"oneOf":[{"minItems":1},{"contains":{}}]})", ErrorKind::unsupported,
       "#/oneOf: cannot be honoured, since an instance may satisfy both 0 and 1 (anyOf can): #/oneOf/1: 'not' of "
       "'contains'"},
      {R"({"$ref":"#/$defs/a","$defs":{"a":{"not":{"$ref":"#/$defs/a"}}}})", ErrorKind::invalid_input,
       "no text at all"},
      {R"({"type":"object","properties":{"a":false},"required":["a"]})", ErrorKind::invalid_input, "no text at all"},
      {R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/a"},"minItems":1}}})",
       ErrorKind::invalid_input, "no text at all satisfies the schema #"},
      {R"({"minItems":999999999999})", ErrorKind::limit_exceeded, "more than 100000 states"},
      {R"({"minimum":1e9999})", ErrorKind::invalid_input, "no JSON"},
      {deep, ErrorKind::limit_exceeded, "nested deeper than 256"},
  };
  for (const auto& [schema, kind, message] : all) {
    const auto grammar = Grammar::from_json_schema_text(schema);
    ASSERT_FALSE(grammar.ok()) << schema.substr(0, 100);
    EXPECT_EQ(grammar.error().kind, kind) << grammar.error().message;
    EXPECT_THAT(grammar.error().message, HasSubstr(message));
  }
}

TEST(JsonSchema, RecursionFollowsToAnyDepth) {
  const char* tree = R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"foo":{"$ref":"#/$defs/n"}},
                        "additionalProperties":false}}})";
  std::string text = "{}";
  for (int i = 0; i < 500; ++i) text = "{\"foo\":" + text + "}";
  EXPECT_TRUE(accepts(tree, text));
  EXPECT_FALSE(accepts(tree, text + "}"));
}

TEST(JsonSchema, ConstraintsOfTheSameValueCombine) {
  const char* schema =
      R"({"allOf":[{"type":"string","minLength":3},{"pattern":"^a"},{"pattern":"z$"},{"maxLength":4}]})";
  for (const char* text : {"\"abz\"", "\"azzz\"", "\"a\xc3\xa4z\"", "\"a\\nz\""})
    EXPECT_TRUE(accepts(schema, text)) << text;
  for (const char* text : {"\"az\"", "\"abcdz\"", "\"bbz\"", "\"abc\"", "\"a\\u0062z\""})
    EXPECT_FALSE(accepts(schema, text)) << text;
  const char* number = R"({"type":"number","minimum":-1.5,"exclusiveMaximum":10.25,"multipleOf":0.25})";
  for (const char* text : {"-1.5", "-1.50", "0", "-0", "10", "10.00", "9.75", "0.25"})
    EXPECT_TRUE(accepts(number, text)) << text;
  for (const char* text : {"-1.75", "10.25", "10.26", "0.1", "1e1", "00", "11", "-2", "1.", "100"})
    EXPECT_FALSE(accepts(number, text)) << text;
}

TEST(JsonSchema, NegationsLeaveOutExactlyWhatTheyName) {
  const char* schema = R"({"type":["string","number","boolean"],"not":{"enum":["a","10",1,2.5,true]}})";
  for (const char* text : {"\"b\"", "\"\"", "\"aa\"", "10", "0", "2", "1.5", "false", "-1"})
    EXPECT_TRUE(accepts(schema, text)) << text;
  for (const char* text : {"\"a\"", "\"10\"", "1", "1.0", "2.5", "2.50", "true", "null"})
    EXPECT_FALSE(accepts(schema, text)) << text;
  const char* fractional = R"({"type":"number","not":{"type":"integer"}})";
  for (const char* text : {"0.5", "-10.25"}) EXPECT_TRUE(accepts(fractional, text)) << text;
  for (const char* text : {"1", "1.0", "0", "\"a\""}) EXPECT_FALSE(accepts(fractional, text)) << text;
  const char* kinds =
      R"({"type":"object","properties":{"foo":{"enum":["a","b"]},"bar":{"type":"integer"}},"required":["foo"],
      "additionalProperties":false,"if":{"properties":{"foo":{"const":"a"}}},"then":{"required":["bar"]},"else":{"maxProperties":1}})";
  for (const char* text : {"{\"foo\":\"a\",\"bar\":1}", "{\"foo\":\"b\"}"}) EXPECT_TRUE(accepts(kinds, text)) << text;
  for (const char* text : {"{\"foo\":\"a\"}", "{\"foo\":\"b\",\"bar\":1}", "{}"})
    EXPECT_FALSE(accepts(kinds, text)) << text;
}

TEST(JsonSchema, SpaceIsAllowedWithinBounds) {
  const char* schema = R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}}}})";
  for (const char* text : {"{\"a\":[1,2]}", "{\"a\": [1, 2]}", "{\n  \"a\": [\n    1,\n    2\n  ]\n}", "{ }"}) {
    EXPECT_TRUE(accepts(schema, text)) << text;
  }
  for (const char* text : {" {}", "{\"a\" :[]}", "{\"a\":  []}", "{\n\n}", "{\n                     }", "{} "}) {
    EXPECT_FALSE(accepts(schema, text)) << text;
  }
}

}  // namespace
}  // namespace quipu::grammar
