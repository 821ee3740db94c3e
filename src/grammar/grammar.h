// What a text may look like: GBNF (llama.cpp's notation) or JSON Schema (draft 2020-12), compiled to an automaton
// with a stack. What a schema keyword means here, and which are refused: docs/formats/json-schema.md.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace quipu::grammar {

class Automaton;

// Immutable; copies share it; from any thread.
class Grammar {
 public:
  // The text of the rule `root` and all it names. Errors name line and column. Left recursion is an error.
  static Result<Grammar> from_gbnf(std::string_view text);

  // JSON texts of instances that are valid. Properties come in the order of the schema, those that it does not name
  // after them; between tokens of JSON stands nothing, a space, or a newline and up to 20 blanks. A keyword that
  // cannot be honoured exactly is an error (ErrorKind::unsupported) that names it with its JSON path, as is a schema
  // that nothing satisfies. Nesting, {n,m} and $ref cycles are limited: ErrorKind::limit_exceeded.
  static Result<Grammar> from_json_schema(const nlohmann::ordered_json& schema);
  // The same from text.
  static Result<Grammar> from_json_schema_text(std::string_view json);

  [[nodiscard]] const Automaton& automaton() const { return *automaton_; }

 private:
  explicit Grammar(std::shared_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {}
  std::shared_ptr<const Automaton> automaton_;
};

}  // namespace quipu::grammar
