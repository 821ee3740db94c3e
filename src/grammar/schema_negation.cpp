// What a schema does not allow, as a schema; and the conditional keywords in terms of the others.
#include <algorithm>
#include <array>

#include "grammar/schema_set.h"

namespace quipu::grammar {

namespace {

// Keywords that say nothing about validity by themselves.
constexpr std::array<std::string_view, 18> kSilent{
    "$schema",     "$id",         "$anchor",   "$dynamicAnchor",  "$comment",         "$defs",
    "definitions", "$vocabulary", "title",     "description",     "default",          "examples",
    "deprecated",  "readOnly",    "writeOnly", "contentEncoding", "contentMediaType", "contentSchema"};

// A count that is at least n, or at most n: its opposite.
Json opposite_count(const char* type, const std::string& keyword, const Json& value) {
  const auto n = static_cast<int64_t>(std::min(value.get<double>(), 1e15));
  const bool is_least = keyword.starts_with("min");
  return {{"type", type}, {(is_least ? "max" : "min") + keyword.substr(3), is_least ? n - 1 : n + 1}};
}

Json not_of(Json schema) {
  Json result = Json::object();
  result["not"] = std::move(schema);
  return result;
}

Json property(const std::string& name, Json schema) {
  Json result = Json::object();
  result["type"] = "object";
  result["properties"][name] = std::move(schema);
  return result;
}

}  // namespace

const Json& SchemaDocument::own(Json schema, const Json& stands_for) {
  const Json& kept = owned_.emplace_back(std::move(schema));
  paths_.emplace(&kept, path(stands_for));
  checked_.insert(&kept);  // its keywords may be internal ones
  return kept;
}

// By an anchor that no document can name.
Json SchemaDocument::reference_to(const Json& schema) {
  std::string name = fmt::format("\x01{}", static_cast<const void*>(&schema));
  anchors_.try_emplace(name, &schema);
  Json result = Json::object();
  result["$ref"] = "#" + name;
  return result;
}

// One schema for each way to fail.
Result<std::vector<Json>> SchemaDocument::negations(const Json& schema) {
  std::vector<Json> ways;
  const auto add_own = [&](Json way) { ways.push_back(reference_to(own(std::move(way), schema))); };
  for (const auto& [key, value] : schema.items()) {
    const std::string keyword(key);
    if (keyword.starts_with("x-") || std::find(kSilent.begin(), kSilent.end(), keyword) != kSilent.end()) continue;
    if (keyword == "then" || keyword == "else") continue;  // with `if`, which is not negated
    if (keyword == "type") {
      add_own({{kTypeBits, kAllTypes & ~bits_of_type(value)}});
    } else if (keyword == "enum" || keyword == "const") {
      const Json values = keyword == "enum" ? value : Json::array({value});
      if (std::any_of(values.begin(), values.end(), [](const Json& v) { return v.is_structured(); })) {
        return error_of(ErrorKind::unsupported, "{}: 'not' of an array or object cannot be honoured", path(schema));
      }
      add_own({{kNotValues, values}});
    } else if (keyword == "minimum" || keyword == "maximum" || keyword == "exclusiveMinimum" ||
               keyword == "exclusiveMaximum") {
      const bool is_lower = keyword.ends_with("inimum"), is_open = keyword.starts_with("ex");
      ways.push_back(
          {{"type", "number"},
           {is_lower ? (is_open ? "maximum" : "exclusiveMaximum") : (is_open ? "minimum" : "exclusiveMinimum"),
            value}});
    } else if (keyword == "minLength" || keyword == "maxLength") {
      ways.push_back(opposite_count("string", keyword, value));
    } else if (keyword == "minItems" || keyword == "maxItems") {
      ways.push_back(opposite_count("array", keyword, value));
    } else if (keyword == "minProperties" || keyword == "maxProperties") {
      ways.push_back(opposite_count("object", keyword, value));
    } else if (keyword == "pattern") {
      add_own({{"type", "string"}, {kNotPattern, value}});
    } else if (keyword == "required") {
      for (const Json& name : value) ways.push_back(property(name.get<std::string>(), false));
    } else if (keyword == "properties") {
      for (const auto& [name, ignored] : value.items()) {
        Json way = property(name, not_of(reference_to(child(schema, "properties", name))));
        way["required"] = Json::array({name});
        ways.push_back(std::move(way));
      }
    } else if (keyword == "items" && !schema.contains("prefixItems")) {
      ways.push_back({{"type", "array"}, {"contains", not_of(reference_to(child(schema, "items")))}});
    } else if (keyword == "allOf" || keyword == "anyOf") {
      Json all = Json::array();
      for (size_t i = 0; i < value.size(); ++i) all.push_back(not_of(reference_to(child(schema, keyword, i))));
      if (keyword == "anyOf") all = Json::array({{{"allOf", all}}});
      for (const Json& way : all) ways.push_back(way);
    } else if (keyword == "not") {
      ways.push_back(reference_to(child(schema, "not")));
    } else if (keyword == "$ref") {
      QUIPU_TRY(const Json* target, resolve(schema, value.get_ref<const std::string&>()));
      QUIPU_TRY(const Json* negated, negation(*target));
      ways.push_back(reference_to(*negated));
    } else {
      return error_of(ErrorKind::unsupported, "{}: 'not' of '{}' cannot be honoured", path(schema), keyword);
    }
  }
  // A count below zero, which no instance has.
  std::erase_if(ways, [](const Json& way) {
    return std::any_of(way.begin(), way.end(),
                       [](const Json& v) { return v.is_number_integer() && v.get<int64_t>() < 0; }) &&
           way.value("type", "") != "number";
  });
  return ways;
}

Result<const Json*> SchemaDocument::negation(const Json& schema) {
  QUIPU_CHECK_OK(spend());
  if (const auto known = negations_.find(&schema); known != negations_.end()) return known->second;
  // Only $ref leads here from here: everything else is negated when it is come to.
  constexpr int kMaxReferences = 100;
  if (n_negating_ >= kMaxReferences) {
    return error_of(ErrorKind::limit_exceeded, "{}: 'not' of more than {} references in a row", path(schema),
                    kMaxReferences);
  }
  const Json* result = nullptr;
  if (schema.is_boolean()) {
    result = &own(!schema.get<bool>(), schema);
  } else {
    QUIPU_CHECK_OK(check(schema));
    ++n_negating_;
    auto made = negations(schema);
    --n_negating_;
    QUIPU_TRY(const std::vector<Json> ways, std::move(made));
    Json any = false;
    if (!ways.empty()) any = {{"anyOf", ways}};
    result = &own(std::move(any), schema);
  }
  negations_.emplace(&schema, result);
  return result;
}

std::vector<const Json*> SchemaDocument::implied(const Json& schema) {
  if (const auto known = implied_.find(&schema); known != implied_.end()) return known->second;
  std::vector<const Json*> result;
  if (schema.contains("if") && (schema.contains("then") || schema.contains("else"))) {
    const Json condition = reference_to(child(schema, "if"));
    const auto both = [&](const Json& first, const char* keyword) {
      Json all = Json::array({first});
      if (schema.contains(keyword)) all.push_back(reference_to(child(schema, keyword)));
      Json branch = Json::object();
      branch["allOf"] = std::move(all);
      return branch;
    };
    Json any = Json::object();
    any["anyOf"] = Json::array({both(condition, "then"), both(not_of(condition), "else")});
    result.push_back(&own(std::move(any), schema));
  }
  for (const char* keyword : {"dependentRequired", "dependentSchemas"}) {
    if (!schema.contains(keyword)) continue;
    for (const auto& [name, value] : schema[keyword].items()) {
      Json absent = Json::object(), present = Json::object();
      absent["properties"][name] = false;
      present["required"] = Json::array({name});
      if (value.is_array()) {
        for (const Json& other : value) present["required"].push_back(other);
      } else {
        present["allOf"] = Json::array({reference_to(child(schema, keyword, name))});
      }
      Json any = Json::object();
      any["anyOf"] = Json::array({std::move(absent), std::move(present)});
      result.push_back(&own(std::move(any), schema));
    }
  }
  implied_.emplace(&schema, result);
  return result;
}

}  // namespace quipu::grammar
