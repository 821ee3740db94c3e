#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

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
const char* const kRefused[] = {"'if'",
                                "'dependentRequired'",
                                "'dependentSchemas'",
                                "'dependencies'",
                                "'unevaluatedItems'",
                                "'unevaluatedProperties'",
                                "'$dynamicRef'",
                                "'uniqueItems'",
                                "'maxContains'",
                                "'not'",
                                "'$id'",
                                "oneOf",
                                "in another document",
                                "is not known",
                                "back reference",
                                "too many digits",
                                "'$schema'",
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
  EXPECT_GE(n_honoured, 200u);
}

}  // namespace
}  // namespace quipu::grammar
