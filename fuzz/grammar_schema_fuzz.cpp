// Any bytes as JSON Schema. What compiles is followed by the mask at random; a text that comes to its end must be JSON
// and a valid instance by the separate evaluation of the schema (grammar/schema_set.h).
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/matcher.h"
#include "grammar/schema_set.h"

namespace {

using namespace quipu::grammar;

const std::vector<std::string>& tokens() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> result;
    for (const char c : std::string_view("\"{}[],:0123456789-.eabcfnrtulsxo\\ ")) result.emplace_back(1, c);
    for (const char* t : {"\"a\"", "\"a\":", "true", "null", "{}", "[]", "\":", "\"}", "]}", ", ", "\xc3", "\xa4"}) {
      result.emplace_back(t);
    }
    result.emplace_back();
    return result;
  }();
  return all;
}

// Numbers that a double cannot hold exactly would be judged after rounding.
bool has_long_number(const std::string& text) {
  size_t run = 0;
  for (const char c : text) {
    run = (c >= '0' && c <= '9') || c == '.' || c == '-' || (run > 0 && (c == 'e' || c == '+')) ? run + 1 : 0;
    if (run > 15) return true;
  }
  return false;
}

void check(const Json& schema, const std::string& text) {
  if (has_long_number(text)) return;
  const Json instance = Json::parse(text, nullptr, false);
  if (instance.is_discarded()) std::abort();
  auto document = SchemaDocument::create(schema);
  if (!document.ok()) std::abort();
  const auto valid = is_valid(*document, schema, instance);
  if (valid.ok() && !*valid) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kSteps = 48;
  if (size < kSteps) return 0;
  const Json schema = Json::parse(data + kSteps, data + size, nullptr, false);
  if (schema.is_discarded()) return 0;
  const auto grammar = Grammar::from_json_schema(schema);
  if (!grammar.ok()) return 0;
  static const auto trie = [] {
    const std::vector<std::string_view> views(tokens().begin(), tokens().end());
    const std::vector<Token> end{static_cast<Token>(views.size() - 1)};
    return std::make_shared<const TokenTrie>(views, end);
  }();
  Matcher matcher(*grammar, trie);
  std::string text;
  for (size_t step = 0; step < kSteps && !matcher.is_finished(); ++step) {
    std::vector<uint32_t> mask((trie->n_vocab() + 31) / 32);
    if (!matcher.fill_mask(mask).ok()) break;
    std::vector<Token> allowed;
    for (size_t t = 0; t < trie->n_vocab(); ++t) {
      if (((mask[t / 32] >> (t % 32)) & 1u) != 0) allowed.push_back(static_cast<Token>(t));
    }
    const Token token = allowed[data[step] % allowed.size()];
    if (!matcher.accept(token)) std::abort();
    text += tokens()[static_cast<size_t>(token)];
    if (matcher.is_accepting()) check(schema, text);
  }
  return 0;
}
