// Sets of schemas to rules of an automaton.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/json_text.h"
#include "grammar/schema_set.h"

namespace quipu::grammar {

// One document. Every set of schemas becomes one rule, so that recursive schemas become recursive rules; a set with
// anyOf or oneOf becomes the choice of the sets with one branch each.
class SchemaCompiler {
 public:
  static Result<Automaton> compile(const Json& root);

 private:
  SchemaCompiler(SchemaDocument document, AutomatonBuilder builder, JsonSpace space)
      : document_(std::move(document)), builder_(std::move(builder)), space_(space) {}

  // The rule of a set, to be defined in its turn.
  Result<RuleId> rule_of(const SchemaSet& set);
  Result<Fsa> define(const SchemaSet& set);
  Result<Fsa> define_choice(const SchemaSet& set, const Json& schema, const char* keyword);
  Status keep_apart(std::vector<SchemaSet>& branches, const Json& schema);
  Result<Fsa> define_values(const SchemaSet& set, const Json& values);
  Result<Fsa> define_by_type(const SchemaSet& set);

  Status emit_string(const SchemaSet& set, Nfa& nfa, StateId from, StateId to);
  Status emit_array(const SchemaSet& set, Nfa& nfa, StateId from, StateId to);
  Status emit_object(const SchemaSet& set, Nfa& nfa, StateId from, StateId to);
  // The canonical texts of the strings of a set, without quotes; nullopt: all.
  Result<std::optional<Fsa>> strings_of(const SchemaSet& set);
  Result<Fsa> numbers_of(const SchemaSet& set, uint8_t types);

  // The schemas that item `index` of an array must satisfy; SIZE_MAX: one behind all prefixItems.
  Result<SchemaSet> item_set(const SchemaSet& set, size_t index);
  // The schemas for the value of a property. `name` is tried against patterns, except that `patterns`, if given, says
  // which match.
  using PatternChoice = std::vector<std::pair<std::string, bool>>;
  Result<SchemaSet> property_set(const SchemaSet& set, const std::string* name, const PatternChoice* patterns);
  struct Property {
    std::string name;
    bool required;
    RuleId value;
  };
  Status check_distinct(const SchemaSet& set, const std::vector<Property>& named, uint32_t least);
  Result<std::vector<Property>> named_properties(const SchemaSet& set);
  // Rules for `"key": value` of the keys that have no name in the schema, one for each choice of matching patterns.
  Result<std::vector<RuleId>> other_properties(const SchemaSet& set, const std::vector<Property>& named);
  Result<std::optional<Fsa>> property_names(const SchemaSet& set);

  // Whether it is certain that no instance satisfies both sets.
  Result<bool> disjoint(const SchemaSet& a, const SchemaSet& b, int depth);
  Result<bool> disjoint_objects(const SchemaSet& a, const SchemaSet& b, int depth);
  Result<bool> disjoint_arrays(const SchemaSet& a, const SchemaSet& b, int depth);

  SchemaDocument document_;
  AutomatonBuilder builder_;
  JsonSpace space_;
  std::map<std::string, RuleId> rules_;
  std::deque<std::pair<RuleId, SchemaSet>> todo_;
};

// The largest (or smallest) value of a keyword with a count in any of the schemas; counts are cut off at
// kMaxStates, which no automaton has.
uint32_t largest_count(const SchemaSet& set, std::string_view keyword, uint32_t otherwise);
uint32_t smallest_count(const SchemaSet& set, std::string_view keyword, uint32_t otherwise);

}  // namespace quipu::grammar
