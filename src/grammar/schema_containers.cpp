// Arrays and objects.
#include <algorithm>

#include "grammar/schema_compiler.h"

namespace quipu::grammar {

namespace {

// Names in order of their first appearance.
std::vector<std::string> names_of(const SchemaSet& set) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const Json* s : set.schemas) {
    if (!s->contains("properties")) continue;
    for (const auto& [name, ignored] : (*s)["properties"].items()) {
      if (seen.insert(name).second) names.push_back(name);
    }
  }
  for (const Json* s : set.schemas) {
    if (!s->contains("required")) continue;
    for (const Json& name : (*s)["required"]) {
      if (seen.insert(name.get<std::string>()).second) names.push_back(name.get<std::string>());
    }
  }
  return names;
}

std::set<std::string> required_of(const SchemaSet& set) {
  std::set<std::string> required;
  for (const Json* s : set.schemas) {
    if (!s->contains("required")) continue;
    for (const Json& name : (*s)["required"]) required.insert(name.get<std::string>());
  }
  return required;
}

std::vector<std::string> patterns_of(const SchemaSet& set) {
  std::set<std::string> patterns;
  for (const Json* s : set.schemas) {
    if (!s->contains("patternProperties")) continue;
    for (const auto& [pattern, ignored] : (*s)["patternProperties"].items()) patterns.insert(pattern);
  }
  return {patterns.begin(), patterns.end()};
}

}  // namespace

Result<SchemaSet> SchemaCompiler::item_set(const SchemaSet& set, size_t index) {
  SchemaSet item;
  for (const Json* s : set.schemas) {
    if (s->contains("prefixItems") && index < (*s)["prefixItems"].size()) {
      QUIPU_CHECK_OK(item.add(document_, document_.child(*s, "prefixItems", index)));
    } else if (s->contains("items")) {
      QUIPU_CHECK_OK(item.add(document_, document_.child(*s, "items")));
    }
  }
  return item;
}

// States by the number of items before, up to where all that follow are alike, and by how many of them were taken as
// those that `contains` asks for: which ones is left open, so exactly the arrays with enough of them have a way.
Status SchemaCompiler::emit_array(const SchemaSet& set, Nfa& nfa, StateId from, StateId to) {
  const Json* contains = nullptr;
  size_t n_prefix = 0;
  for (const Json* s : set.schemas) {
    if (s->contains("prefixItems")) n_prefix = std::max(n_prefix, (*s)["prefixItems"].size());
    if (!s->contains("contains")) continue;
    if (contains != nullptr) {
      return error_of(ErrorKind::unsupported, "{}/contains: more than one 'contains' for an array cannot be honoured",
                      document_.path(*s));
    }
    contains = s;
  }
  const uint32_t least = largest_count(set, "minItems", 0);
  const uint32_t most = smallest_count(set, "maxItems", Expression::kUnbounded);
  uint32_t wanted = 0;
  if (contains != nullptr) {
    SchemaSet own;
    own.schemas.push_back(contains);
    wanted = largest_count(own, "minContains", 1);
  }
  const bool bounded = most != Expression::kUnbounded;
  const size_t last = bounded ? most : std::max<size_t>({n_prefix, least, 1});
  std::vector<StateId> states(wanted + 1), next(wanted + 1);
  const StateId open = nfa.add(), close = nfa.add();
  nfa.byte(open, '[', '[', states[0] = nfa.add());
  nfa.empty(from, open);
  nfa.byte(close, ']', ']', to);
  for (size_t n = 1; n <= wanted; ++n) states[n] = nfa.add();
  for (size_t i = 0; i <= last && !nfa.too_large(); ++i) {
    if (i >= least) space_.emit(nfa, states[wanted], close);
    if (bounded && i == last) break;
    QUIPU_TRY(const SchemaSet plain, item_set(set, i < n_prefix ? i : SIZE_MAX));
    QUIPU_TRY(const RuleId rule, rule_of(plain));
    std::optional<RuleId> contained;
    if (wanted > 0) {
      SchemaSet both = plain;
      QUIPU_CHECK_OK(both.add(document_, document_.child(*contains, "contains")));
      QUIPU_TRY(contained, rule_of(both));
    }
    for (StateId& s : next) s = nfa.add();
    if (i == last) next = states;
    for (size_t n = 0; n <= wanted; ++n) {
      const StateId item = nfa.add();
      if (i == 0) {
        space_.emit(nfa, states[n], item);
      } else {
        const StateId comma = nfa.add();
        nfa.byte(states[n], ',', ',', comma);
        space_.emit(nfa, comma, item);
      }
      nfa.call(item, rule, next[n]);
      if (n < wanted) nfa.call(item, *contained, next[n + 1]);
    }
    states = next;
  }
  return {};
}

Result<SchemaSet> SchemaCompiler::property_set(const SchemaSet& set, const std::string* name,
                                               const PatternChoice* patterns) {
  SchemaSet value;
  for (const Json* s : set.schemas) {
    bool is_additional = true;
    if (name != nullptr && s->contains("properties") && (*s)["properties"].contains(*name)) {
      QUIPU_CHECK_OK(value.add(document_, document_.child(*s, "properties", *name)));
      is_additional = false;
    }
    if (s->contains("patternProperties")) {
      for (const auto& [pattern, ignored] : (*s)["patternProperties"].items()) {
        bool matches = false;
        if (patterns != nullptr) {
          const auto p = std::find_if(patterns->begin(), patterns->end(),
                                      [&, key = std::string_view(pattern)](const auto& x) { return x.first == key; });
          matches = p->second;
        } else {
          QUIPU_TRY(const Fsa* fsa, document_.pattern(pattern, document_.path(*s) + "/patternProperties"));
          matches = accepts(*fsa, json_escaped(*name));
        }
        if (!matches) continue;
        QUIPU_CHECK_OK(value.add(document_, document_.child(*s, "patternProperties", pattern)));
        is_additional = false;
      }
    }
    if (is_additional && s->contains("additionalProperties")) {
      QUIPU_CHECK_OK(value.add(document_, document_.child(*s, "additionalProperties")));
    }
  }
  return value;
}

Result<std::optional<Fsa>> SchemaCompiler::property_names(const SchemaSet& set) {
  SchemaSet names;
  for (const Json* s : set.schemas) {
    if (s->contains("propertyNames")) QUIPU_CHECK_OK(names.add(document_, document_.child(*s, "propertyNames")));
  }
  if (names.schemas.empty() && !names.never) return std::optional<Fsa>();
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add();
  if ((names.types() & kString) == 0) {
    QUIPU_TRY(Fsa none, nfa.determinise(from, to));
    return std::optional<Fsa>(std::move(none));
  }
  const Json* finite = nullptr;
  for (const Json* s : names.schemas) {
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (s->contains(keyword)) {
        return error_of(ErrorKind::unsupported, "{}/{}: cannot be honoured in propertyNames", document_.path(*s),
                        keyword);
      }
    }
    if (s->contains("enum") || s->contains("const")) finite = s;
  }
  if (finite == nullptr) return strings_of(names);
  const Json values = finite->contains("enum") ? (*finite)["enum"] : Json::array({(*finite)["const"]});
  for (const Json& value : values) {
    bool all = value.is_string();
    for (size_t i = 0; all && i < names.schemas.size(); ++i) {
      QUIPU_TRY(all, is_valid(document_, *names.schemas[i], value));
    }
    if (all) nfa.text(from, json_escaped(value.get_ref<const std::string&>()), to);
  }
  QUIPU_TRY(Fsa fsa, nfa.determinise(from, to));
  return std::optional<Fsa>(std::move(fsa));
}

Result<std::vector<SchemaCompiler::Property>> SchemaCompiler::named_properties(const SchemaSet& set) {
  QUIPU_TRY(const std::optional<Fsa> allowed, property_names(set));
  const std::set<std::string> required = required_of(set);
  std::vector<Property> properties;
  for (const std::string& name : names_of(set)) {
    QUIPU_TRY(SchemaSet value, property_set(set, &name, nullptr));
    if (allowed && !accepts(*allowed, json_escaped(name))) value.never = true;
    QUIPU_TRY(const RuleId rule, rule_of(value));
    properties.push_back({name, required.contains(name), rule});
  }
  return properties;
}

Result<std::vector<RuleId>> SchemaCompiler::other_properties(const SchemaSet& set, const std::vector<Property>& named) {
  constexpr size_t kMaxPatterns = 6;  // each choice of matching ones is a rule
  const std::vector<std::string> patterns = patterns_of(set);
  if (patterns.size() > kMaxPatterns) {
    return error_of(ErrorKind::limit_exceeded, "more than {} patternProperties for an object", kMaxPatterns);
  }
  Nfa names;
  const StateId start = names.add(), end = names.add();
  for (const Property& p : named) names.text(start, json_escaped(p.name), end);
  QUIPU_TRY(const Fsa named_keys, names.determinise(start, end));
  QUIPU_TRY(const Fsa any, strings_of_length(0, Expression::kUnbounded));
  QUIPU_TRY(Fsa others, product(any, named_keys, ProductKind::first_only));
  QUIPU_TRY(const std::optional<Fsa> allowed, property_names(set));
  if (allowed) {
    QUIPU_TRY(others, product(others, *allowed, ProductKind::both));
  }
  std::string where;
  for (const Json* s : set.schemas) {
    if (s->contains("patternProperties")) where = document_.path(*s) + "/patternProperties";
  }
  std::vector<RuleId> rules;
  for (size_t choice = 0; choice < size_t{1} << patterns.size(); ++choice) {
    Fsa keys = others;
    PatternChoice matching;
    for (size_t i = 0; i < patterns.size() && !is_empty(keys); ++i) {
      const bool matches = ((choice >> i) & 1u) != 0;
      matching.emplace_back(patterns[i], matches);
      QUIPU_TRY(const Fsa* fsa, document_.pattern(patterns[i], where));
      QUIPU_TRY(keys, product(keys, *fsa, matches ? ProductKind::both : ProductKind::first_only));
    }
    if (is_empty(keys)) continue;
    QUIPU_TRY(const SchemaSet value, property_set(set, nullptr, &matching));
    if (value.never) continue;
    QUIPU_TRY(const RuleId value_rule, rule_of(value));
    QUIPU_CHECK_OK(document_.spend(keys.work));
    Nfa nfa;
    const StateId from = nfa.add(), to = nfa.add(), first = nfa.add(), last = nfa.add(), colon = nfa.add(),
                  v = nfa.add();
    nfa.byte(from, '"', '"', first);
    nfa.insert(keys, first, last);
    nfa.text(last, "\":", colon);
    space_.emit(nfa, colon, v);
    nfa.call(v, value_rule, to);
    QUIPU_TRY(Fsa fsa, nfa.determinise(from, to));
    rules.push_back(builder_.declare("a property"));
    QUIPU_CHECK_OK(builder_.define(rules.back(), std::move(fsa)));
  }
  return rules;
}

// Keys that a schema does not name may be written twice, as an automaton cannot remember them; such an object has fewer
// properties than were written. At most one of them may be needed to reach `least`.
Status SchemaCompiler::check_distinct(const SchemaSet& set, const std::vector<Property>& named, uint32_t least) {
  const auto n_required = static_cast<uint32_t>(std::ranges::count_if(named, &Property::required));
  if (least <= n_required + 1) return {};
  for (const Json* s : set.schemas) {
    if (s->contains("minProperties")) {
      return error_of(ErrorKind::unsupported,
                      "{}/minProperties: cannot be honoured for keys that the schema does not name",
                      document_.path(*s));
    }
  }
  return {};
}

// States by the named properties passed and the number of properties written (counted as far as it matters).
Status SchemaCompiler::emit_object(const SchemaSet& set, Nfa& nfa, StateId from, StateId to) {
  const uint32_t least = largest_count(set, "minProperties", 0);
  const uint32_t most = smallest_count(set, "maxProperties", Expression::kUnbounded);
  const bool bounded = most != Expression::kUnbounded;
  const size_t last = bounded ? most : std::max<uint32_t>(least, 1);
  if (least > last) return {};
  QUIPU_TRY(const std::vector<Property> named, named_properties(set));
  QUIPU_TRY(const std::vector<RuleId> others, other_properties(set, named));
  if (!others.empty()) QUIPU_CHECK_OK(check_distinct(set, named, least));
  const auto row = [&] {
    std::vector<StateId> states(last + 1);
    for (StateId& s : states) s = nfa.add();
    return states;
  };
  std::vector<StateId> states = row();
  const StateId open = nfa.add(), close = nfa.add();
  nfa.byte(from, '{', '{', open);
  space_.emit(nfa, open, states[0]);
  nfa.byte(close, '}', '}', to);
  // Where the key of one more property after n begins; nothing if there may be none.
  const auto begin_key = [&](size_t n) -> std::optional<StateId> {
    if (bounded && n == last) return std::nullopt;
    if (n == 0) return states[0];
    const StateId comma = nfa.add(), key = nfa.add();
    nfa.byte(states[n], ',', ',', comma);
    space_.emit(nfa, comma, key);
    return key;
  };
  for (const Property& p : named) {
    const std::vector<StateId> next = row();
    if (nfa.too_large()) return {};
    for (size_t n = 0; n <= last; ++n) {
      if (!p.required) nfa.empty(states[n], next[n]);
      const auto key = begin_key(n);
      if (!key) continue;
      const StateId colon = nfa.add(), value = nfa.add();
      nfa.text(*key, '"' + json_escaped(p.name) + "\":", colon);
      space_.emit(nfa, colon, value);
      nfa.call(value, p.value, next[std::min(n + 1, last)]);
    }
    states = next;
  }
  // Behind the named ones; the first of the others needs its own state, since `states[0]` has no comma before it.
  for (size_t n = 0; n <= last && !nfa.too_large(); ++n) {
    if (n >= least && n == 0) nfa.empty(states[0], close);  // its space stands behind the brace
    if (n >= least && n > 0) space_.emit(nfa, states[n], close);
    const auto key = begin_key(n);
    if (!key) continue;
    for (const RuleId rule : others) nfa.call(*key, rule, states[std::min(n + 1, last)]);
  }
  return {};
}

Result<bool> SchemaCompiler::disjoint_arrays(const SchemaSet& a, const SchemaSet& b, int depth) {
  const uint32_t least = std::max(largest_count(a, "minItems", 0), largest_count(b, "minItems", 0));
  const uint32_t most = std::min(smallest_count(a, "maxItems", UINT32_MAX), smallest_count(b, "maxItems", UINT32_MAX));
  if (least > most) return true;
  for (size_t i = 0; i < std::min<size_t>(least, 8); ++i) {
    QUIPU_TRY(const SchemaSet x, item_set(a, i));
    QUIPU_TRY(const SchemaSet y, item_set(b, i));
    QUIPU_TRY(const bool apart, disjoint(x, y, depth + 1));
    if (apart) return true;
  }
  return false;
}

// A property that must be there and cannot satisfy both.
Result<bool> SchemaCompiler::disjoint_objects(const SchemaSet& a, const SchemaSet& b, int depth) {
  std::set<std::string> required = required_of(a);
  required.merge(required_of(b));
  for (const std::string& name : required) {
    QUIPU_TRY(const SchemaSet x, property_set(a, &name, nullptr));
    QUIPU_TRY(const SchemaSet y, property_set(b, &name, nullptr));
    QUIPU_TRY(const bool apart, disjoint(x, y, depth + 1));
    if (apart) return true;
  }
  return false;
}

}  // namespace quipu::grammar
