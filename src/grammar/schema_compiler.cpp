#include "grammar/schema_compiler.h"

#include <algorithm>
#include <cmath>

#include "grammar/grammar.h"
#include "grammar/json_number.h"

namespace quipu::grammar {

namespace {

constexpr size_t kMaxRules = 20'000;
constexpr size_t kMaxBytes = 4 << 20;

// The first list of enum or const values among the schemas.
std::optional<Json> values_of(const SchemaSet& set) {
  for (const Json* s : set.schemas) {
    if (s->contains("const")) return Json::array({(*s)["const"]});
    if (s->contains("enum")) return (*s)["enum"];
  }
  return std::nullopt;
}

bool is_left_out(const SchemaSet& set, const Json& value) {
  return std::any_of(set.schemas.begin(), set.schemas.end(), [&](const Json* s) {
    return s->contains(kNotValues) &&
           std::find((*s)[kNotValues].begin(), (*s)[kNotValues].end(), value) != (*s)[kNotValues].end();
  });
}

Fsa nothing() {
  Fsa fsa;
  fsa.states.emplace_back();
  return fsa;
}

template <typename Better>
uint32_t best_count(const SchemaSet& set, std::string_view keyword, uint32_t otherwise, Better better) {
  std::optional<double> best;
  for (const Json* s : set.schemas) {
    const auto it = s->find(keyword);
    if (it != s->end() && (!best || better(it->get<double>(), *best))) best = it->get<double>();
  }
  return best ? static_cast<uint32_t>(std::min<double>(*best, kMaxStates)) : otherwise;
}

Error within_path(const Error& error, SchemaDocument& document, const SchemaSet& set) {
  return error.within(set.schemas.empty() ? "#" : document.path(*set.schemas.front()));
}

}  // namespace

uint32_t largest_count(const SchemaSet& set, std::string_view keyword, uint32_t otherwise) {
  return best_count(set, keyword, otherwise, std::greater<>());
}

uint32_t smallest_count(const SchemaSet& set, std::string_view keyword, uint32_t otherwise) {
  return best_count(set, keyword, otherwise, std::less<>());
}

Result<Automaton> SchemaCompiler::compile(const Json& root) {
  QUIPU_TRY(SchemaDocument document, SchemaDocument::create(root));
  AutomatonBuilder builder;
  QUIPU_TRY(const JsonSpace space, JsonSpace::create(builder));
  SchemaCompiler compiler(std::move(document), std::move(builder), space);
  SchemaSet set;
  QUIPU_CHECK_OK(set.add(compiler.document_, root));
  QUIPU_TRY(const RuleId rule, compiler.rule_of(set));
  while (!compiler.todo_.empty()) {
    const auto [next, members] = std::move(compiler.todo_.front());
    compiler.todo_.pop_front();
    QUIPU_TRY(Fsa fsa, compiler.define(members));
    QUIPU_CHECK_OK(compiler.builder_.define(next, std::move(fsa)));
  }
  return compiler.builder_.finish(rule);
}

Result<RuleId> SchemaCompiler::rule_of(const SchemaSet& set) {
  QUIPU_CHECK_OK(document_.spend());
  const auto [it, is_new] = rules_.try_emplace(set.key(), 0);
  if (is_new) {
    if (rules_.size() > kMaxRules) {
      return error_of(ErrorKind::limit_exceeded, "the schema needs more than {} rules", kMaxRules);
    }
    it->second =
        builder_.declare("the schema " + (set.schemas.empty() ? "false" : document_.path(*set.schemas.front())));
    todo_.emplace_back(it->second, set);
  }
  return it->second;
}

Result<Fsa> SchemaCompiler::define(const SchemaSet& set) {
  if (set.never || set.types() == 0) return nothing();
  for (const Json* s : set.schemas) {
    for (const int which : {0, 1}) {
      const char* keyword = which == 0 ? "anyOf" : "oneOf";
      if (s->contains(keyword) && !set.chosen.contains({s, which})) return define_choice(set, *s, keyword);
    }
  }
  auto fsa = [&]() -> Result<Fsa> {
    if (const auto values = values_of(set)) return define_values(set, *values);
    return define_by_type(set);
  }();
  if (!fsa.ok() && fsa.error().message.find('#') == std::string::npos) return within_path(fsa.error(), document_, set);
  return fsa;
}

Result<Fsa> SchemaCompiler::define_choice(const SchemaSet& set, const Json& schema, const char* keyword) {
  const bool is_one_of = keyword[0] == 'o';
  std::vector<SchemaSet> branches;
  for (size_t i = 0; i < schema[keyword].size(); ++i) {
    SchemaSet branch = set.with_choice(schema, is_one_of ? 1 : 0);
    QUIPU_CHECK_OK(branch.add(document_, document_.child(schema, keyword, i)));
    branches.push_back(std::move(branch));
  }
  if (is_one_of) QUIPU_CHECK_OK(keep_apart(branches, schema));
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add();
  for (const SchemaSet& branch : branches) {
    QUIPU_TRY(const RuleId rule, rule_of(branch));
    nfa.call(from, rule, to);
  }
  return nfa.determinise(from, to);
}

// Of two branches that an instance may satisfy together, each gets the negation of the other.
Status SchemaCompiler::keep_apart(std::vector<SchemaSet>& branches, const Json& schema) {
  std::vector<SchemaSet> apart = branches;
  for (size_t i = 0; i < branches.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      QUIPU_TRY(const bool disjoint_already, disjoint(branches[j], branches[i], 0));
      if (disjoint_already) continue;
      for (const auto& [own, other] : {std::pair{i, j}, {j, i}}) {
        const auto negation = document_.negation(document_.child(schema, "oneOf", other));
        const Status added = negation.ok() ? apart[own].add(document_, **negation) : Status(negation.error());
        if (added.ok()) continue;
        return error_of(added.error().kind,
                        "{}/oneOf: cannot be honoured, since an instance may satisfy both {} and {} (anyOf can): {}",
                        document_.path(schema), j, i, added.error().message);
      }
    }
  }
  branches = std::move(apart);
  return {};
}

Result<Fsa> SchemaCompiler::define_values(const SchemaSet& set, const Json& values) {
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add();
  for (const Json& value : values) {
    bool all = true;
    for (size_t i = 0; all && i < set.schemas.size(); ++i) {
      QUIPU_TRY(all, is_valid(document_, *set.schemas[i], value));
    }
    if (all) literal(nfa, from, value, space_, to);
    if (nfa.too_large()) break;
  }
  return nfa.determinise(from, to);
}

Result<Fsa> SchemaCompiler::define_by_type(const SchemaSet& set) {
  const uint8_t types = set.types();
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add();
  for (const Json& value : {Json(nullptr), Json(true), Json(false)}) {
    if ((types & type_of(value)) != 0 && !is_left_out(set, value)) nfa.text(from, value.dump(), to);
  }
  if ((types & (kInteger | kFractional)) != 0) {
    QUIPU_TRY(const Fsa fsa, numbers_of(set, types));
    nfa.insert(fsa, from, to);
  }
  if ((types & kString) != 0) QUIPU_CHECK_OK(emit_string(set, nfa, from, to));
  if ((types & kArray) != 0) QUIPU_CHECK_OK(emit_array(set, nfa, from, to));
  if ((types & kObject) != 0) QUIPU_CHECK_OK(emit_object(set, nfa, from, to));
  return nfa.determinise(from, to);
}

Result<Fsa> SchemaCompiler::numbers_of(const SchemaSet& set, uint8_t types) {
  NumberConstraints constraints;
  constraints.integer = (types & kFractional) == 0;
  std::string where = "#";
  for (const Json* s : set.schemas) {
    for (const auto& [keyword, bound] : {std::pair{"minimum", Bound::at_least},
                                         {"exclusiveMinimum", Bound::above},
                                         {"maximum", Bound::at_most},
                                         {"exclusiveMaximum", Bound::below}}) {
      if (!s->contains(keyword)) continue;
      QUIPU_TRY(Decimal b, Decimal::of((*s)[keyword]));
      constraints.bounds.emplace_back(bound, std::move(b));
    }
    if (!s->contains("multipleOf")) continue;
    where = document_.path(*s) + "/multipleOf";
    QUIPU_TRY(Decimal step, Decimal::of((*s)["multipleOf"]));
    constraints.multiple_of.push_back(std::move(step));
  }
  auto fsa = numbers(constraints);
  if (!fsa.ok()) return fsa.error().within(where);
  std::vector<NumberConstraints> left_out;
  if ((types & kInteger) == 0)
    left_out.push_back({.integer = false, .bounds = {}, .multiple_of = {Decimal{false, "1", ""}}});
  for (const Json* s : set.schemas) {
    if (!s->contains(kNotValues)) continue;
    for (const Json& value : (*s)[kNotValues]) {
      if (!value.is_number()) continue;
      QUIPU_TRY(const Decimal d, Decimal::of(value));
      left_out.push_back({.integer = false, .bounds = {{Bound::at_least, d}, {Bound::at_most, d}}, .multiple_of = {}});
    }
  }
  if (left_out.empty()) return fsa;
  // What is left out is known by its digits: no exponent then.
  NumberConstraints any;
  any.integer = constraints.integer;
  any.bounds.emplace_back(Bound::at_least, Decimal{});
  QUIPU_TRY(const Fsa from_zero, numbers(any));
  any.bounds.back().first = Bound::below;
  QUIPU_TRY(const Fsa below_zero, numbers(any));
  Nfa plain;
  const StateId from = plain.add(), to = plain.add();
  plain.insert(from_zero, from, to);
  plain.insert(below_zero, from, to);
  QUIPU_TRY(const Fsa all, plain.determinise(from, to));
  QUIPU_TRY(Fsa rest, product(*fsa, all, ProductKind::both));
  for (const NumberConstraints& c : left_out) {
    QUIPU_TRY(const Fsa out, numbers(c));
    QUIPU_TRY(rest, product(rest, out, ProductKind::first_only));
  }
  return rest;
}

Result<std::optional<Fsa>> SchemaCompiler::strings_of(const SchemaSet& set) {
  std::optional<Fsa> all;
  const auto intersect = [&](const Fsa& fsa) -> Status {
    if (!all) {
      all = fsa;
      return {};
    }
    QUIPU_TRY(all, product(*all, fsa, ProductKind::both));
    return {};
  };
  for (const Json* s : set.schemas) {
    if (s->contains("pattern")) {
      QUIPU_TRY(const Fsa* fsa,
                document_.pattern((*s)["pattern"].get_ref<const std::string&>(), document_.path(*s) + "/pattern"));
      QUIPU_CHECK_OK(intersect(*fsa));
    }
    if (s->contains("format")) {
      QUIPU_TRY(const Fsa* fsa, document_.pattern(format_pattern((*s)["format"].get_ref<const std::string&>()),
                                                  document_.path(*s) + "/format"));
      QUIPU_CHECK_OK(intersect(*fsa));
    }
  }
  const uint32_t least = largest_count(set, "minLength", 0);
  const uint32_t most = smallest_count(set, "maxLength", Expression::kUnbounded);
  if (least > most) return std::optional<Fsa>(nothing());
  const bool has_lengths = least > 0 || most != Expression::kUnbounded;
  const bool leaves_out = std::any_of(set.schemas.begin(), set.schemas.end(), [](const Json* s) {
    return s->contains(kNotPattern) || s->contains(kNotValues);
  });
  if (has_lengths || leaves_out) {
    QUIPU_TRY(const Fsa lengths, strings_of_length(least, most));
    QUIPU_CHECK_OK(intersect(lengths));
  }
  for (const Json* s : set.schemas) {
    if (s->contains(kNotPattern)) {
      QUIPU_TRY(const Fsa* fsa, document_.pattern((*s)[kNotPattern].get_ref<const std::string&>(), document_.path(*s)));
      QUIPU_TRY(all, product(*all, *fsa, ProductKind::first_only));
    }
    if (!s->contains(kNotValues)) continue;
    Nfa values;
    const StateId from = values.add(), to = values.add();
    for (const Json& value : (*s)[kNotValues]) {
      if (value.is_string()) values.text(from, json_escaped(value.get_ref<const std::string&>()), to);
    }
    QUIPU_TRY(const Fsa fsa, values.determinise(from, to));
    QUIPU_TRY(all, product(*all, fsa, ProductKind::first_only));
  }
  return all;
}

// Without pattern and format every form of a character is taken; a rule for one character keeps long lengths small.
Status SchemaCompiler::emit_string(const SchemaSet& set, Nfa& nfa, StateId from, StateId to) {
  const StateId first = nfa.add(), last = nfa.add();
  nfa.byte(from, '"', '"', first);
  nfa.byte(last, '"', '"', to);
  const bool shaped = std::any_of(set.schemas.begin(), set.schemas.end(), [](const Json* s) {
    return s->contains("pattern") || s->contains("format") || s->contains(kNotPattern) || s->contains(kNotValues);
  });
  if (shaped) {
    QUIPU_TRY(const std::optional<Fsa> fsa, strings_of(set));
    nfa.insert(*fsa, first, last);
    return {};
  }
  const uint32_t least = largest_count(set, "minLength", 0);
  const uint32_t most = smallest_count(set, "maxLength", Expression::kUnbounded);
  if (least == 0 && most == Expression::kUnbounded) {
    any_json_char(nfa, first, first);
    nfa.empty(first, last);
    return {};
  }
  if (least > most) return {};
  const auto [character, is_new] = rules_.try_emplace("character", 0);
  if (is_new) {
    character->second = builder_.declare("character");
    Nfa one;
    const StateId a = one.add(), b = one.add();
    any_json_char(one, a, b);
    QUIPU_TRY(Fsa fsa, one.determinise(a, b));
    QUIPU_CHECK_OK(builder_.define(character->second, std::move(fsa)));
  }
  Expression one{.kind = Expression::Kind::rule, .rule = character->second};
  Expression repeat{.kind = Expression::Kind::repeat, .least = least, .most = most};
  repeat.children.push_back(std::move(one));
  emit(nfa, repeat, first, last, JsonEncoding());
  return {};
}

// Sets whose meaning is certain without their anyOf and oneOf: leaving those out can only make sets larger.
Result<bool> SchemaCompiler::disjoint(const SchemaSet& a, const SchemaSet& b, int depth) {
  QUIPU_CHECK_OK(document_.spend());
  if (depth > 8) return false;
  const auto types = static_cast<uint8_t>(a.types() & b.types());
  if (types == 0 || a.never || b.never) return true;
  for (const auto& [x, y] : {std::pair{&a, &b}, {&b, &a}}) {
    const auto values = values_of(*x);
    if (!values) continue;
    for (const Json& value : *values) {
      bool in_both = true;
      for (const SchemaSet* set : {x, y}) {
        for (size_t i = 0; in_both && i < set->schemas.size(); ++i) {
          // The schema of the oneOf itself holds only where the branches are apart, which is the question.
          if (set->chosen.contains({set->schemas[i], 1})) continue;
          QUIPU_TRY(in_both, is_valid(document_, *set->schemas[i], value));
        }
      }
      if (in_both) return false;
    }
    return true;
  }
  if ((types & (kNull | kBoolean)) != 0) return false;
  if ((types & (kInteger | kFractional)) != 0) {
    QUIPU_TRY(const Fsa x, numbers_of(a, types));
    QUIPU_TRY(const Fsa y, numbers_of(b, types));
    QUIPU_TRY(const Fsa both, product(x, y, ProductKind::both));
    if (!is_empty(both)) return false;
  }
  if ((types & kString) != 0) {
    QUIPU_TRY(const std::optional<Fsa> x, strings_of(a));
    QUIPU_TRY(const std::optional<Fsa> y, strings_of(b));
    if (!x || !y) {
      if ((!x || !is_empty(*x)) && (!y || !is_empty(*y))) return false;
    } else {
      QUIPU_TRY(const Fsa both, product(*x, *y, ProductKind::both));
      if (!is_empty(both)) return false;
    }
  }
  if ((types & kArray) != 0) {
    QUIPU_TRY(const bool apart, disjoint_arrays(a, b, depth));
    if (!apart) return false;
  }
  if ((types & kObject) != 0) return disjoint_objects(a, b, depth);
  return true;
}

Result<Grammar> Grammar::from_json_schema(const Json& schema) {
  QUIPU_TRY(Automaton automaton, SchemaCompiler::compile(schema));
  return Grammar(std::make_shared<const Automaton>(std::move(automaton)));
}

Result<Grammar> Grammar::from_json_schema_text(std::string_view json) {
  if (json.size() > kMaxBytes) {
    return error_of(ErrorKind::limit_exceeded, "the schema has {} bytes, {} are the most", json.size(), kMaxBytes);
  }
  const Json schema = Json::parse(json, nullptr, false);
  if (schema.is_discarded()) return invalid_input("the schema is no JSON");
  return from_json_schema(schema);
}

}  // namespace quipu::grammar
