#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "grammar/json_text.h"
#include "grammar/schema_set.h"

namespace quipu::grammar {

namespace {

constexpr int kMaxNesting = 256;          // of the document
constexpr size_t kMaxNodes = 1'000'000;   // values in the document
constexpr size_t kMaxSteps = 20'000'000;  // some seconds

enum class Kind : uint8_t {
  ignored,
  schema,
  schemas,
  schema_map,
  string,
  strings,
  string_lists,
  count,
  number,
  boolean,
  any,
  refused
};

struct Keyword {
  std::string_view name;
  Kind kind;
};

// Draft 2020-12. What is refused would need more than a context-free grammar of reasonable size, or names another
// document. Annotations say nothing about what is valid.
constexpr std::array kKeywords{
    Keyword{"$schema", Kind::string},
    Keyword{"$id", Kind::string},
    Keyword{"$ref", Kind::string},
    Keyword{"$anchor", Kind::string},
    Keyword{"$dynamicAnchor", Kind::string},
    Keyword{"$comment", Kind::ignored},
    Keyword{"$defs", Kind::schema_map},
    Keyword{"definitions", Kind::schema_map},
    Keyword{"$vocabulary", Kind::ignored},
    Keyword{"$dynamicRef", Kind::refused},
    Keyword{"title", Kind::ignored},
    Keyword{"description", Kind::ignored},
    Keyword{"default", Kind::ignored},
    Keyword{"examples", Kind::ignored},
    Keyword{"deprecated", Kind::ignored},
    Keyword{"readOnly", Kind::ignored},
    Keyword{"writeOnly", Kind::ignored},
    Keyword{"contentEncoding", Kind::ignored},
    Keyword{"contentMediaType", Kind::ignored},
    Keyword{"contentSchema", Kind::ignored},
    Keyword{"type", Kind::any},
    Keyword{"enum", Kind::any},
    Keyword{"const", Kind::any},
    Keyword{"allOf", Kind::schemas},
    Keyword{"anyOf", Kind::schemas},
    Keyword{"oneOf", Kind::schemas},
    Keyword{"not", Kind::schema},
    Keyword{"if", Kind::schema},
    Keyword{"then", Kind::schema},
    Keyword{"else", Kind::schema},
    Keyword{"minimum", Kind::number},
    Keyword{"maximum", Kind::number},
    Keyword{"exclusiveMinimum", Kind::number},
    Keyword{"exclusiveMaximum", Kind::number},
    Keyword{"multipleOf", Kind::number},
    Keyword{"minLength", Kind::count},
    Keyword{"maxLength", Kind::count},
    Keyword{"pattern", Kind::string},
    Keyword{"format", Kind::string},
    Keyword{"items", Kind::schema},
    Keyword{"prefixItems", Kind::schemas},
    Keyword{"minItems", Kind::count},
    Keyword{"maxItems", Kind::count},
    Keyword{"contains", Kind::schema},
    Keyword{"minContains", Kind::count},
    Keyword{"maxContains", Kind::count},
    Keyword{"uniqueItems", Kind::boolean},
    Keyword{"unevaluatedItems", Kind::refused},
    Keyword{"properties", Kind::schema_map},
    Keyword{"patternProperties", Kind::schema_map},
    Keyword{"additionalProperties", Kind::schema},
    Keyword{"propertyNames", Kind::schema},
    Keyword{"required", Kind::strings},
    Keyword{"minProperties", Kind::count},
    Keyword{"maxProperties", Kind::count},
    Keyword{"dependentRequired", Kind::string_lists},
    Keyword{"dependentSchemas", Kind::schema_map},
    Keyword{"dependencies", Kind::refused},
    Keyword{"unevaluatedProperties", Kind::refused},
};

bool is_schema(const Json& v) {
  return v.is_boolean() || v.is_object();
}

bool is_count(const Json& v) {
  return v.is_number() && v.get<double>() >= 0 && v.get<double>() == std::floor(v.get<double>());
}

bool is_strings(const Json& v) {
  return v.is_array() && std::all_of(v.begin(), v.end(), [](const Json& s) { return s.is_string(); });
}

// What the value must be, where it is not.
std::string_view expected(Kind kind, const Json& v) {
  switch (kind) {
    case Kind::schema:
      return is_schema(v) ? "" : "a schema";
    case Kind::schemas:
      return v.is_array() && !v.empty() && std::all_of(v.begin(), v.end(), is_schema) ? "" : "a list of schemas";
    case Kind::schema_map:
      return v.is_object() && std::all_of(v.begin(), v.end(), is_schema) ? "" : "an object of schemas";
    case Kind::string:
      return v.is_string() ? "" : "a string";
    case Kind::strings:
      return is_strings(v) ? "" : "a list of strings";
    case Kind::string_lists:
      return v.is_object() && std::all_of(v.begin(), v.end(), is_strings) ? "" : "an object of lists of strings";
    case Kind::count:
      return is_count(v) ? "" : "a whole number, 0 or more";
    case Kind::number:
      return v.is_number() ? "" : "a number";
    case Kind::boolean:
      return v.is_boolean() ? "" : "true or false";
    default:
      return "";
  }
}

bool is_type_name(const Json& v) {
  static constexpr std::array<std::string_view, 7> kNames{"null",   "boolean", "integer", "number",
                                                          "string", "array",   "object"};
  return v.is_string() && std::find(kNames.begin(), kNames.end(), v.get_ref<const std::string&>()) != kNames.end();
}

std::string pointer_escaped(std::string_view key) {
  std::string result;
  for (const char c : key) {
    result.append(c == '~' ? std::string_view("~0") : c == '/' ? std::string_view("~1") : std::string_view(&c, 1));
  }
  return result;
}

// A token of a JSON pointer in a URI fragment: %xx, then ~1 and ~0 (RFC 6901, section 6).
std::string pointer_unescaped(std::string_view token) {
  std::string decoded;
  for (size_t i = 0; i < token.size(); ++i) {
    unsigned byte = 0;
    if (token[i] == '%' && i + 2 < token.size() &&
        std::from_chars(token.data() + i + 1, token.data() + i + 3, byte, 16).ptr == token.data() + i + 3) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += token[i];
    }
  }
  std::string result;
  for (size_t i = 0; i < decoded.size(); ++i) {
    if (decoded[i] == '~' && i + 1 < decoded.size() && (decoded[i + 1] == '0' || decoded[i + 1] == '1')) {
      result += decoded[++i] == '0' ? '~' : '/';
    } else {
      result += decoded[i];
    }
  }
  return result;
}

}  // namespace

Result<SchemaDocument> SchemaDocument::create(const Json& root) {
  SchemaDocument document(root);
  // Anchors may stand anywhere; a walk without recursion also bounds size and depth.
  std::vector<std::pair<const Json*, int>> todo{{&root, 0}};
  for (size_t n = 0; !todo.empty(); ++n) {
    const auto [value, depth] = todo.back();
    todo.pop_back();
    if (depth > kMaxNesting || n > kMaxNodes) {
      return error_of(ErrorKind::limit_exceeded, "the schema is nested deeper than {} or has more than {} values",
                      kMaxNesting, kMaxNodes);
    }
    if (!value->is_structured()) continue;
    for (const auto& [key, item] : value->items()) {
      if (value->is_object() && (key == "$anchor" || key == "$dynamicAnchor") && item.is_string()) {
        document.anchors_.try_emplace(item.get<std::string>(), value);
      }
      todo.emplace_back(&item, depth + 1);
    }
  }
  if (!is_schema(root)) return invalid_input("#: a schema must be an object, true or false");
  return document;
}

const Json& SchemaDocument::remember(const Json& schema, const Json& parent, const std::string& suffix) {
  if (!paths_.contains(&schema)) paths_[&schema] = path(parent) + suffix;
  return schema;
}

const Json& SchemaDocument::child(const Json& schema, std::string_view keyword) {
  return remember(schema.at(keyword), schema, fmt::format("/{}", keyword));
}

const Json& SchemaDocument::child(const Json& schema, std::string_view keyword, std::string_view key) {
  return remember(schema.at(keyword).at(key), schema, fmt::format("/{}/{}", keyword, pointer_escaped(key)));
}

const Json& SchemaDocument::child(const Json& schema, std::string_view keyword, size_t index) {
  return remember(schema.at(keyword).at(index), schema, fmt::format("/{}/{}", keyword, index));
}

Result<const Json*> SchemaDocument::resolve(const Json& schema, const std::string& reference) {
  const std::string where = path(schema) + "/$ref";
  std::string fragment;
  if (reference.starts_with('#')) {
    fragment = reference.substr(1);
  } else {
    const std::string id = root_->is_object() && root_->contains("$id") ? root_->at("$id").get<std::string>() : "";
    if (id.empty() || (reference != id && !reference.starts_with(id + "#"))) {
      return error_of(ErrorKind::unsupported, "{}: '{}' is in another document, which cannot be honoured", where,
                      reference);
    }
    fragment = reference == id ? "" : reference.substr(id.size() + 1);
  }
  const Json* target = root_;
  if (!fragment.empty() && fragment[0] != '/') {
    const auto anchor = anchors_.find(fragment);
    if (anchor == anchors_.end()) return invalid_input("{}: there is no anchor '{}'", where, fragment);
    target = anchor->second;
  } else {
    for (size_t begin = 1; begin <= fragment.size() && !fragment.empty();) {
      const size_t end = std::min(fragment.find('/', begin), fragment.size());
      const std::string token = pointer_unescaped(std::string_view(fragment).substr(begin, end - begin));
      size_t index = 0;
      const auto number = std::from_chars(token.data(), token.data() + token.size(), index);
      if (target->is_object() && target->contains(token)) {
        target = &target->at(token);
      } else if (target->is_array() && number.ec == std::errc() && number.ptr == token.data() + token.size() &&
                 index < target->size()) {
        target = &target->at(index);
      } else {
        return invalid_input("{}: '{}' does not exist", where, reference);
      }
      begin = end + 1;
    }
  }
  if (!is_schema(*target)) return invalid_input("{}: '{}' is no schema", where, reference);
  if (!paths_.contains(target)) paths_[target] = fmt::format("#{}", fragment);
  return target;
}

Result<const Fsa*> SchemaDocument::pattern(std::string_view pattern, const std::string& where) {
  const auto it = patterns_.find(pattern);
  if (it != patterns_.end()) return &it->second;
  auto fsa = strings_matching(pattern);
  if (!fsa.ok()) return fsa.error().within(where);
  QUIPU_CHECK_OK(spend(fsa->work));
  return &patterns_.emplace(pattern, std::move(fsa).value()).first->second;
}

Status SchemaDocument::spend(size_t n_steps) {
  steps_ += n_steps;
  if (steps_ <= kMaxSteps) return {};
  return error_of(ErrorKind::limit_exceeded, "the schema takes more than {} steps to compile", kMaxSteps);
}

Status SchemaDocument::check(const Json& schema) {
  if (!schema.is_object() || !checked_.insert(&schema).second) return {};
  for (const auto& [key, value] : schema.items()) {
    if (key.starts_with("x-")) continue;
    const auto keyword = std::find_if(kKeywords.begin(), kKeywords.end(),
                                      [&, k = std::string_view(key)](const Keyword& x) { return x.name == k; });
    const std::string where = fmt::format("{}/{}", path(schema), pointer_escaped(key));
    if (keyword == kKeywords.end()) {
      return error_of(ErrorKind::unsupported, "{}: the keyword '{}' is not known and cannot be honoured", where, key);
    }
    const bool is_default = (key == "unevaluatedItems" || key == "unevaluatedProperties") && value == true;
    if (keyword->kind == Kind::refused && !is_default) {
      return error_of(ErrorKind::unsupported, "{}: the keyword '{}' cannot be honoured", where, key);
    }
    if (const auto what = expected(keyword->kind, value); !what.empty()) {
      return invalid_input("{}: must be {}", where, what);
    }
  }
  return check_values(schema);
}

// What check() cannot see from a keyword's kind alone.
Status SchemaDocument::check_values(const Json& schema) const {
  const auto at = [&](std::string_view key) { return fmt::format("{}/{}", path(schema), key); };
  if (const auto type = schema.find("type"); type != schema.end()) {
    const bool valid = type->is_array() ? !type->empty() && std::all_of(type->begin(), type->end(), is_type_name)
                                        : is_type_name(*type);
    if (!valid) return invalid_input("{}: must name types of JSON", at("type"));
  }
  if (const auto values = schema.find("enum"); values != schema.end() && !values->is_array()) {
    return invalid_input("{}: must be a list", at("enum"));
  }
  if (const auto step = schema.find("multipleOf"); step != schema.end() && step->get<double>() <= 0) {
    return invalid_input("{}: must be above 0", at("multipleOf"));
  }
  if (const auto dialect = schema.find("$schema");
      dialect != schema.end() && dialect->get_ref<const std::string&>().find("json-schema.org/") == std::string::npos) {
    return error_of(ErrorKind::unsupported, "{}: '$schema' names a dialect that cannot be honoured", at("$schema"));
  }
  if (schema.contains("$id") && &schema != root_) {
    return error_of(ErrorKind::unsupported, "{}: '$id' inside a document cannot be honoured", at("$id"));
  }
  if (schema.value("uniqueItems", false) && (!schema.contains("maxItems") || schema["maxItems"].get<double>() > 1)) {
    return error_of(ErrorKind::unsupported, "{}: the keyword 'uniqueItems' cannot be honoured", at("uniqueItems"));
  }
  if (schema.contains("maxContains") && schema.contains("contains")) {
    return error_of(ErrorKind::unsupported, "{}: the keyword 'maxContains' cannot be honoured", at("maxContains"));
  }
  if (const auto format = schema.find("format");
      format != schema.end() && format_pattern(format->get_ref<const std::string&>()).empty()) {
    return error_of(ErrorKind::unsupported, "{}: the format '{}' cannot be honoured", at("format"),
                    format->get<std::string>());
  }
  return {};
}

}  // namespace quipu::grammar
