// JSON Schema: the document with its references, and sets of schemas that an instance must satisfy all together.
#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "grammar/fsa.h"

namespace quipu::grammar {

using Json = nlohmann::ordered_json;

// The types of instances, as bits. `number` of JSON Schema is integer | fractional.
enum TypeBits : uint8_t {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFractional = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
  kAllTypes = 127,
};
uint8_t type_of(const Json& value);
uint8_t bits_of_type(const Json& type);

// Keywords of schemas made by SchemaDocument::negation(), which no document can hold: type bits, a list of values that
// are left out, a pattern that must not match.
inline constexpr const char* kTypeBits = "\x01types";
inline constexpr const char* kNotValues = "\x01not values";
inline constexpr const char* kNotPattern = "\x01not pattern";

// A document. Holds a view of it. Remembers where each schema it handed out stands, for messages.
class SchemaDocument {
 public:
  static Result<SchemaDocument> create(const Json& root);

  [[nodiscard]] const Json& root() const { return *root_; }
  // The JSON path of a schema that root(), child() or resolve() gave: "#/properties/a".
  [[nodiscard]] const std::string& path(const Json& schema) const { return paths_.at(&schema); }
  // schema[keyword] or schema[keyword][key], both of which must be there.
  const Json& child(const Json& schema, std::string_view keyword);
  const Json& child(const Json& schema, std::string_view keyword, std::string_view key);
  const Json& child(const Json& schema, std::string_view keyword, size_t index);
  // The target of a "$ref" of `schema`: inside the document, by JSON pointer or anchor.
  Result<const Json*> resolve(const Json& schema, const std::string& reference);

  // A schema that is satisfied by exactly what does not satisfy `schema`. ErrorKind::unsupported where that takes
  // more than the keywords below can say.
  Result<const Json*> negation(const Json& schema);
  // Whether `negation` was given as the negation of `schema`. Both at once allow nothing.
  [[nodiscard]] bool is_negation(const Json& schema, const Json& negation) const {
    const auto known = negations_.find(&schema);
    return known != negations_.end() && known->second == &negation;
  }
  // Schemas by which the instance must be valid too: if-then-else, dependentRequired and dependentSchemas of `schema`
  // in terms of anyOf, allOf and not.
  std::vector<const Json*> implied(const Json& schema);

  // Keywords are known, their values of the right kind. Once for each schema.
  Status check(const Json& schema);
  // strings_matching(pattern), kept. `where` is for messages.
  Result<const Fsa*> pattern(std::string_view pattern, const std::string& where);
  // Counts steps of work that can multiply (validity of enum values, sets of schemas): an error when there are too
  // many.
  Status spend(size_t n_steps = kSchemaSteps);

 private:
  static constexpr size_t kSchemaSteps = 50;
  explicit SchemaDocument(const Json& root) : root_(&root) { paths_.emplace(&root, "#"); }
  const Json& remember(const Json& schema, const Json& parent, const std::string& suffix);
  Status check_values(const Json& schema) const;
  // Keeps a schema made here; its path is that of the schema it stands for.
  const Json& own(Json schema, const Json& stands_for);
  Json reference_to(const Json& schema);
  Result<std::vector<Json>> negations(const Json& schema);

  const Json* root_;
  std::unordered_map<const Json*, std::string> paths_;
  std::unordered_map<std::string, const Json*> anchors_;
  std::set<const Json*> checked_;
  std::deque<Json> owned_;
  std::unordered_map<const Json*, const Json*> negations_;
  std::unordered_map<const Json*, std::vector<const Json*>> implied_;
  std::map<std::string, Fsa, std::less<>> patterns_;
  size_t steps_ = 0;
  int n_negating_ = 0;
};

// An instance must satisfy all `schemas`. $ref and allOf are followed; `chosen` are the schemas whose anyOf (second:
// 0) or oneOf (1) was replaced by one of its branches, which is among `schemas` then.
struct SchemaSet {
  std::vector<const Json*> schemas;
  std::set<std::pair<const Json*, int>> chosen;
  bool never = false;  // `false` is among them

  // Adds a schema and what it refers to.
  Status add(SchemaDocument& document, const Json& schema);
  [[nodiscard]] SchemaSet with_choice(const Json& schema, int which) const;
  // The same for sets with the same meaning by their members.
  [[nodiscard]] std::string key() const;
  // The types that `type`, `enum` and `const` leave.
  [[nodiscard]] uint8_t types() const;
};

// Whether an instance is valid, by the keywords that this room honours. For enum, const and key names.
Result<bool> is_valid(SchemaDocument& document, const Json& schema, const Json& instance, int depth = 0);

// A limit: schemas and instances may not be nested deeper.
inline constexpr int kMaxSchemaDepth = 100;

// The regular expression of a format that is honoured; empty: it is not.
std::string_view format_pattern(std::string_view format);

}  // namespace quipu::grammar
