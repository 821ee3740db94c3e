// The fields of a request's body, one table for each endpoint: what is read, what is refused, and the OpenAPI document
// all come from it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/api/json.h"

namespace quipu::server {

enum class FieldKind : uint8_t { boolean, integer, number, text, texts, list, object, any };

struct Field {
  std::string name;
  FieldKind kind = FieldKind::any;
  std::string help = {};
  // Of numbers, both included.
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool required = false;
  std::vector<std::string> choices = {};  // of a text
  // Not empty: this server cannot do it. These JSON texts, which ask for what it does anyway, are taken; all other
  // values are refused.
  std::vector<std::string> only = {};
  std::string schema = {};  // JSON Schema, for the OpenAPI document; empty: from `kind`
};
using Table = std::vector<Field>;

Table joined(std::initializer_list<Table> tables);

// A body that was checked against a table. Fields that are null count as absent. Borrows both.
class Fields {
 public:
  // Errors name the field: one that the table does not have, a missing one, a wrong type, a number that is NaN, no
  // whole one or out of range, a value that is not to be had. `within`: the path of the object, "$".
  static Result<Fields> of(const Table& table, const Json& body, const std::string& within = "$");

  // Null if absent. The name must be in the table.
  [[nodiscard]] const Json* find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] bool boolean(std::string_view name, bool otherwise) const;
  [[nodiscard]] int64_t integer(std::string_view name, int64_t otherwise) const;
  [[nodiscard]] double number(std::string_view name, double otherwise) const;
  [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise = {}) const;
  // Of a text or a list of texts.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;

 private:
  Fields(const Table& table, const Json& body) : table_(&table), body_(&body) {}
  const Table* table_;
  const Json* body_;
};

// The object's JSON Schema.
Json schema_of(const Table& table);

}  // namespace quipu::server
