#include "server/api/fields.h"

#include <fmt/ranges.h>
#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace quipu::server {
namespace {

const char* kind_name(FieldKind kind) {
  switch (kind) {
    case FieldKind::boolean:
      return "true or false";
    case FieldKind::integer:
      return "a whole number";
    case FieldKind::number:
      return "a number";
    case FieldKind::text:
      return "a text";
    case FieldKind::texts:
      return "a text or a list of texts";
    case FieldKind::list:
      return "a list";
    case FieldKind::object:
      return "an object";
    case FieldKind::any:
      return "a value";
  }
  return "";
}

// A double without fraction is a whole number too, as in JSON Schema.
bool is_whole(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return std::isfinite(number) && number == std::floor(number) && std::abs(number) <= 9007199254740992.0;
}

bool has_kind(const Json& value, FieldKind kind) {
  switch (kind) {
    case FieldKind::boolean:
      return value.is_boolean();
    case FieldKind::integer:
      return is_whole(value);
    case FieldKind::number:
      return value.is_number() && std::isfinite(value.get<double>());
    case FieldKind::text:
      return value.is_string();
    case FieldKind::texts:
      return value.is_string() ||
             (value.is_array() && std::ranges::all_of(value, [](const Json& v) { return v.is_string(); }));
    case FieldKind::list:
      return value.is_array();
    case FieldKind::object:
      return value.is_object();
    case FieldKind::any:
      return true;
  }
  return false;
}

std::string range_text(const Field& field) {
  if (std::isinf(field.most)) return fmt::format("{} or more", field.least);
  if (std::isinf(field.least)) return fmt::format("{} or less", field.most);
  return fmt::format("from {} to {}", field.least, field.most);
}

Status check(const Field& field, const Json& value, const std::string& path) {
  if (!field.only.empty()) {
    for (const std::string& text : field.only) {
      if (Json::parse(text) == value) return {};
    }
    const bool is_null_only = field.only.size() == 1 && field.only[0] == "null";
    if (is_null_only) return error_of(ErrorKind::unsupported, "{}: is not supported by this server", path);
    return error_of(ErrorKind::unsupported, "{}: this server supports no other value than {}", path,
                    fmt::join(field.only, ", "));
  }
  if (!has_kind(value, field.kind)) return invalid_input("{}: must be {}", path, kind_name(field.kind));
  if (field.kind == FieldKind::integer || field.kind == FieldKind::number) {
    const double number = value.get<double>();
    if (!(number >= field.least && number <= field.most))
      return invalid_input("{}: is {}, but must be {}", path, number, range_text(field));
  }
  if (field.kind == FieldKind::text && !field.choices.empty() &&
      std::ranges::find(field.choices, value.get_ref<const std::string&>()) == field.choices.end()) {
    return invalid_input("{}: must be one of '{}'", path, fmt::join(field.choices, "', '"));
  }
  return {};
}

// The start of a name that a client made up, safe to show.
std::string shown(const std::string& name) {
  return name.size() <= 64 ? name : name.substr(0, 64) + "...";
}

}  // namespace

Table joined(std::initializer_list<Table> tables) {
  Table all;
  for (const Table& table : tables) all.insert(all.end(), table.begin(), table.end());
  return all;
}

Result<Fields> Fields::of(const Table& table, const Json& body, const std::string& within) {
  if (!body.is_object()) return invalid_input("{}: must be an object", within);
  for (const auto& [name, value] : body.items()) {
    const auto field = std::ranges::find(table, name, &Field::name);
    const std::string path = fmt::format("{}.{}", within, shown(name));
    if (field == table.end()) return error_of(ErrorKind::unsupported, "{}: is no field of this request", path);
    if (value.is_null()) continue;
    QUIPU_CHECK_OK(check(*field, value, path));
  }
  for (const Field& field : table) {
    if (!field.required) continue;
    const auto found = body.find(field.name);
    if (found == body.end() || found->is_null()) return invalid_input("{}.{}: is missing", within, field.name);
  }
  return Fields(table, body);
}

const Json* Fields::find(std::string_view name) const {
  QUIPU_CHECK(std::ranges::find(*table_, name, &Field::name) != table_->end());
  const auto found = body_->find(std::string(name));
  return found == body_->end() || found->is_null() ? nullptr : &*found;
}

bool Fields::boolean(std::string_view name, bool otherwise) const {
  const Json* value = find(name);
  return value != nullptr ? value->get<bool>() : otherwise;
}

int64_t Fields::integer(std::string_view name, int64_t otherwise) const {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX) return INT64_MAX;
  return value->is_number_integer() ? value->get<int64_t>() : static_cast<int64_t>(value->get<double>());
}

double Fields::number(std::string_view name, double otherwise) const {
  const Json* value = find(name);
  return value != nullptr ? value->get<double>() : otherwise;
}

std::string Fields::text(std::string_view name, std::string_view otherwise) const {
  const Json* value = find(name);
  return value != nullptr ? value->get<std::string>() : std::string(otherwise);
}

std::vector<std::string> Fields::texts(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  return value->get<std::vector<std::string>>();
}

Json schema_of(const Table& table) {
  Json properties = Json::object(), required = Json::array();
  for (const Field& field : table) {
    Json schema = Json::object();
    if (!field.only.empty()) {
      Json values = Json::array();
      for (const std::string& text : field.only) values.push_back(Json::parse(text));
      if (std::ranges::find(field.only, "null") == field.only.end()) values.push_back(nullptr);
      schema["enum"] = values;
    } else if (!field.schema.empty()) {
      schema = Json::parse(field.schema);
    } else if (field.kind == FieldKind::texts) {
      schema["anyOf"] =
          Json::parse(R"([{"type":"string"},{"type":"array","items":{"type":"string"}},{"type":"null"}])");
    } else if (field.kind != FieldKind::any) {
      constexpr const char* kTypes[]{"boolean", "integer", "number", "string", "", "array", "object"};
      const char* type = kTypes[static_cast<size_t>(field.kind)];
      schema["type"] = field.required ? Json(type) : Json{type, "null"};
      if (!std::isinf(field.least)) schema["minimum"] = field.least;
      if (!std::isinf(field.most)) schema["maximum"] = field.most;
      if (!field.choices.empty()) {
        schema["enum"] = field.choices;
        if (!field.required) schema["enum"].push_back(nullptr);
      }
    }
    if (!field.help.empty()) schema["description"] = field.help;
    properties[field.name] = schema;
    if (field.required) required.push_back(field.name);
  }
  Json object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) object["required"] = required;
  return object;
}

}  // namespace quipu::server
