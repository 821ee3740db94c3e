#include "grammar/schema_set.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "grammar/json_number.h"
#include "grammar/json_text.h"

namespace quipu::grammar {

namespace {

struct Format {
  std::string_view name, pattern;
};

// RFC 3339 with the right number of days and without leap seconds; RFC 5321 and 1123 without quoting and comments;
// RFC 4122, 6901, 3986 (absolute). What these accept is valid; some exotic valid texts are not generated.
constexpr std::string_view kDate =
    "^(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|"
    "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)$";
constexpr std::string_view kTime = "^([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$";
constexpr std::string_view kDateTime =
    "^(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|"
    "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
    "T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$";
constexpr std::array kFormats{
    Format{"date", kDate},
    Format{"time", kTime},
    Format{"date-time", kDateTime},
    Format{"email",
           "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-"
           "z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"},
    Format{"hostname",
           "^[A-Za-z0-9]([A-Za-z0-9]|-[A-Za-z0-9]){0,30}(\\.[A-Za-z0-9]([A-Za-z0-9]|-[A-Za-z0-9]){0,30}){0,3}$"},
    Format{"ipv4", "^((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)$"},
    Format{"ipv6",
           "^(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,6}(:[0-9A-Fa-f]{1,4})|"
           "([0-9A-Fa-f]{1,4}:){1,7}:|:((:[0-9A-Fa-f]{1,4}){1,7}|:))$"},
    Format{"uuid", "^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"},
    Format{"uri",
           "^[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(:\\d+)?"
           "(/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*"
           "(\\?([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
           "(#([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$"},
    Format{"json-pointer", "^(/([^~/]|~[01])*)*$"},
    Format{"duration",
           "^P(\\d+W|\\d+Y(\\d+M(\\d+D)?)?(T\\d+H(\\d+M(\\d+S)?)?)?|\\d+M(\\d+D)?|\\d+D|T(\\d+H(\\d+M(\\d+S)?)?|"
           "\\d+M(\\d+S)?|\\d+S))$"},
};

uint8_t bits_of_name(const std::string& name) {
  if (name == "null") return kNull;
  if (name == "boolean") return kBoolean;
  if (name == "integer") return kInteger;
  if (name == "number") return kInteger | kFractional;
  if (name == "string") return kString;
  if (name == "array") return kArray;
  return kObject;
}

uint8_t bits_of_values(const Json& values) {
  uint8_t bits = 0;
  for (const Json& value : values) bits |= type_of(value);
  return bits;
}

size_t length_in_characters(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

// The number of a keyword.
double number_of(const Json& schema, std::string_view keyword, double otherwise) {
  const auto it = schema.find(keyword);
  return it == schema.end() ? otherwise : it->get<double>();
}

Result<bool> matches(SchemaDocument& document, const Json& schema, std::string_view pattern, const std::string& text) {
  QUIPU_TRY(const Fsa* fsa, document.pattern(pattern, document.path(schema)));
  return accepts(*fsa, json_escaped(text));
}

Result<bool> valid_number(const Json& schema, const Json& instance) {
  const double x = instance.get<double>();
  if (x < number_of(schema, "minimum", -INFINITY) || x > number_of(schema, "maximum", INFINITY)) return false;
  if (x <= number_of(schema, "exclusiveMinimum", -INFINITY) || x >= number_of(schema, "exclusiveMaximum", INFINITY)) {
    return false;
  }
  if (!schema.contains("multipleOf")) return true;
  NumberConstraints constraints;  // in decimal, where 0.3 is a multiple of 0.1
  QUIPU_TRY(Decimal step, Decimal::of(schema["multipleOf"]));
  constraints.multiple_of.push_back(std::move(step));
  QUIPU_TRY(const Fsa fsa, numbers(constraints));
  QUIPU_TRY(const Decimal value, Decimal::of(instance));
  return accepts(fsa, value.text());
}

Result<bool> valid_string(SchemaDocument& document, const Json& schema, const std::string& text) {
  const auto n = static_cast<double>(length_in_characters(text));
  if (n < number_of(schema, "minLength", 0) || n > number_of(schema, "maxLength", INFINITY)) return false;
  if (schema.contains("pattern")) {
    QUIPU_TRY(const bool matching, matches(document, schema, schema["pattern"].get_ref<const std::string&>(), text));
    if (!matching) return false;
  }
  if (schema.contains(kNotPattern)) {
    QUIPU_TRY(const bool matching, matches(document, schema, schema[kNotPattern].get_ref<const std::string&>(), text));
    if (matching) return false;
  }
  if (!schema.contains("format")) return true;
  return matches(document, schema, format_pattern(schema["format"].get_ref<const std::string&>()), text);
}

Result<bool> valid_array(SchemaDocument& document, const Json& schema, const Json& array, int depth) {
  const auto n = static_cast<double>(array.size());
  if (n < number_of(schema, "minItems", 0) || n > number_of(schema, "maxItems", INFINITY)) return false;
  const size_t n_prefix = schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
  double n_contained = 0;
  for (size_t i = 0; i < array.size(); ++i) {
    if (i >= n_prefix && !schema.contains("items")) continue;
    const Json& item = i < n_prefix ? document.child(schema, "prefixItems", i) : document.child(schema, "items");
    QUIPU_TRY(const bool valid, is_valid(document, item, array[i], depth));
    if (!valid) return false;
  }
  if (!schema.contains("contains")) return true;
  for (const Json& item : array) {
    QUIPU_TRY(const bool valid, is_valid(document, document.child(schema, "contains"), item, depth));
    n_contained += valid ? 1 : 0;
  }
  return n_contained >= number_of(schema, "minContains", 1);
}

Result<bool> valid_object(SchemaDocument& document, const Json& schema, const Json& object, int depth) {
  const auto n = static_cast<double>(object.size());
  if (n < number_of(schema, "minProperties", 0) || n > number_of(schema, "maxProperties", INFINITY)) return false;
  if (schema.contains("required")) {
    for (const Json& name : schema["required"]) {
      if (!object.contains(name.get_ref<const std::string&>())) return false;
    }
  }
  for (const auto& [key, value] : object.items()) {
    std::vector<const Json*> applied;
    if (schema.contains("properties") && schema["properties"].contains(key)) {
      applied.push_back(&document.child(schema, "properties", key));
    }
    if (schema.contains("patternProperties")) {
      for (const auto& [pattern, ignored] : schema["patternProperties"].items()) {
        QUIPU_TRY(const bool matching, matches(document, schema, pattern, key));
        if (matching) applied.push_back(&document.child(schema, "patternProperties", pattern));
      }
    }
    if (applied.empty() && schema.contains("additionalProperties")) {
      applied.push_back(&document.child(schema, "additionalProperties"));
    }
    for (const Json* s : applied) {
      QUIPU_TRY(const bool valid, is_valid(document, *s, value, depth));
      if (!valid) return false;
    }
    if (schema.contains("propertyNames")) {
      QUIPU_TRY(const bool valid, is_valid(document, document.child(schema, "propertyNames"), Json(key), depth));
      if (!valid) return false;
    }
  }
  return true;
}

// The keywords that contain schemas for the instance itself.
Result<bool> valid_in_place(SchemaDocument& document, const Json& schema, const Json& instance, int depth) {
  if (schema.contains("$ref")) {
    QUIPU_TRY(const Json* target, document.resolve(schema, schema["$ref"].get_ref<const std::string&>()));
    QUIPU_TRY(const bool valid, is_valid(document, *target, instance, depth));
    if (!valid) return false;
  }
  if (schema.contains("not")) {
    QUIPU_TRY(const bool valid, is_valid(document, document.child(schema, "not"), instance, depth));
    if (valid) return false;
  }
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    if (!schema.contains(keyword)) continue;
    size_t n = 0;
    for (size_t i = 0; i < schema[keyword].size(); ++i) {
      QUIPU_TRY(const bool valid, is_valid(document, document.child(schema, keyword, i), instance, depth));
      n += valid ? 1 : 0;
    }
    const bool valid = keyword[0] == 'o' ? n == 1 : keyword[1] == 'n' ? n > 0 : n == schema[keyword].size();
    if (!valid) return false;
  }
  return true;
}

}  // namespace

std::string_view format_pattern(std::string_view format) {
  for (const Format& f : kFormats) {
    if (f.name == format) return f.pattern;
  }
  return {};
}

uint8_t bits_of_type(const Json& type) {
  if (type.is_string()) return bits_of_name(type.get_ref<const std::string&>());
  uint8_t bits = 0;
  for (const Json& name : type) bits |= bits_of_name(name.get_ref<const std::string&>());
  return bits;
}

uint8_t type_of(const Json& value) {
  if (value.is_null()) return kNull;
  if (value.is_boolean()) return kBoolean;
  if (value.is_string()) return kString;
  if (value.is_array()) return kArray;
  if (value.is_object()) return kObject;
  if (value.is_number_integer()) return kInteger;
  return value.get<double>() == std::floor(value.get<double>()) ? kInteger : kFractional;
}

Result<bool> is_valid(SchemaDocument& document, const Json& schema, const Json& instance, int depth) {
  if (depth > kMaxSchemaDepth) {
    return error_of(ErrorKind::limit_exceeded, "{}: nested deeper than {}", document.path(schema), kMaxSchemaDepth);
  }
  QUIPU_CHECK_OK(document.spend());
  if (schema.is_boolean()) return schema.get<bool>();
  QUIPU_CHECK_OK(document.check(schema));
  const uint8_t type = type_of(instance);
  if (schema.contains("type") && (bits_of_type(schema["type"]) & type) == 0) return false;
  if (schema.contains("const") && schema["const"] != instance) return false;
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), instance) == schema["enum"].end()) {
    return false;
  }
  if (schema.contains(kTypeBits) && (schema[kTypeBits].get<unsigned>() & type) == 0) return false;
  if (schema.contains(kNotValues) &&
      std::find(schema[kNotValues].begin(), schema[kNotValues].end(), instance) != schema[kNotValues].end()) {
    return false;
  }
  for (const Json* s : document.implied(schema)) {
    QUIPU_TRY(const bool valid, is_valid(document, *s, instance, depth + 1));
    if (!valid) return false;
  }
  Result<bool> by_type = true;
  if (instance.is_number()) by_type = valid_number(schema, instance);
  if (instance.is_string()) by_type = valid_string(document, schema, instance.get_ref<const std::string&>());
  if (instance.is_array()) by_type = valid_array(document, schema, instance, depth + 1);
  if (instance.is_object()) by_type = valid_object(document, schema, instance, depth + 1);
  if (!by_type.ok() || !*by_type) return by_type;
  return valid_in_place(document, schema, instance, depth + 1);
}

Status SchemaSet::add(SchemaDocument& document, const Json& schema) {
  std::vector<const Json*> todo{&schema};
  while (!todo.empty()) {
    const Json& s = *todo.back();
    todo.pop_back();
    QUIPU_CHECK_OK(document.spend());
    if (s.is_boolean()) {
      never = never || !s.get<bool>();
      continue;
    }
    if (std::find(schemas.begin(), schemas.end(), &s) != schemas.end()) continue;
    QUIPU_CHECK_OK(document.check(s));
    never = never || std::any_of(schemas.begin(), schemas.end(), [&](const Json* member) {
              return document.is_negation(*member, s) || document.is_negation(s, *member);
            });
    schemas.push_back(&s);
    if (s.contains("allOf")) {
      for (size_t i = s["allOf"].size(); i > 0; --i) todo.push_back(&document.child(s, "allOf", i - 1));
    }
    if (s.contains("not")) {
      QUIPU_TRY(const Json* negated, document.negation(document.child(s, "not")));
      todo.push_back(negated);
    }
    for (const Json* implied : document.implied(s)) todo.push_back(implied);
    if (s.contains("$ref")) {
      QUIPU_TRY(const Json* target, document.resolve(s, s["$ref"].get_ref<const std::string&>()));
      todo.push_back(target);
    }
  }
  return {};
}

SchemaSet SchemaSet::with_choice(const Json& schema, int which) const {
  SchemaSet result = *this;
  result.chosen.insert({&schema, which});
  return result;
}

std::string SchemaSet::key() const {
  if (never) return "never";
  std::vector<const Json*> members;
  for (const Json* s : schemas) {
    if (!s->empty()) members.push_back(s);  // {} asks for nothing
  }
  std::sort(members.begin(), members.end());
  std::string key;
  for (const Json* s : members) key += fmt::format("{} ", static_cast<const void*>(s));
  for (const auto& [s, which] : chosen) key += fmt::format("{}:{} ", static_cast<const void*>(s), which);
  return key;
}

uint8_t SchemaSet::types() const {
  uint8_t bits = never ? 0 : kAllTypes;
  for (const Json* s : schemas) {
    if (s->contains("type")) bits &= bits_of_type((*s)["type"]);
    if (s->contains("enum")) bits &= bits_of_values((*s)["enum"]);
    if (s->contains("const")) bits &= type_of((*s)["const"]);
    if (s->contains(kTypeBits)) bits &= static_cast<uint8_t>((*s)[kTypeBits].get<unsigned>());
  }
  return bits;
}

}  // namespace quipu::grammar
