// Values of the template language: Python's, as far as chat templates can tell.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "template/chat_template.h"

namespace quipu::chat_template {

// Thrown inside the room and caught in ChatTemplate, which makes it an Error.
struct Failure {
  ErrorKind kind = ErrorKind::invalid_input;
  std::string message;
};
[[noreturn]] void fail(std::string message);
[[noreturn]] void fail_limit(std::string message);

class Value;
struct Dict;
struct Callable;

struct None {};
// What a name or attribute that does not exist gives; `hint` names it for messages.
struct Undefined {
  std::shared_ptr<const std::string> hint;
};

// How deep lists and dicts may contain each other.
constexpr uint32_t kMaxNesting = 400;

struct List {
  std::vector<Value> items;
  bool is_tuple = false;
  bool is_generator = false;  // what map and select give: may be gone over, and little else
  uint32_t nesting = 1;
};

class Value {
 public:
  Value() : data_(None{}) {}
  Value(bool b) : data_(b) {}                                                         // NOLINT
  Value(int64_t i) : data_(i) {}                                                      // NOLINT
  Value(double d) : data_(d) {}                                                       // NOLINT
  Value(std::string s) : data_(std::make_shared<const std::string>(std::move(s))) {}  // NOLINT
  Value(std::string_view s) : Value(std::string(s)) {}                                // NOLINT
  Value(const char* s) : Value(std::string(s)) {}                                     // NOLINT
  Value(std::shared_ptr<List> l) : data_(std::move(l)) {}                             // NOLINT
  Value(std::shared_ptr<Dict> d) : data_(std::move(d)) {}                             // NOLINT
  Value(std::shared_ptr<const Callable> c) : data_(std::move(c)) {}                   // NOLINT
  Value(Undefined u) : data_(std::move(u)) {}                                         // NOLINT
  static Value undefined(std::string hint);
  // Checks the nesting.
  static Value list(std::vector<Value> items, bool is_tuple = false);
  static Value generator(std::vector<Value> items);
  // Text that counts as safe HTML: what is added to it is escaped (jinja2's Markup).
  static Value markup(std::string text);
  [[nodiscard]] bool is_markup() const { return markup_; }
  static Value from_json(const Json& json, uint32_t depth = 0);

  [[nodiscard]] bool is_none() const { return std::holds_alternative<None>(data_); }
  [[nodiscard]] bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(data_); }
  [[nodiscard]] bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  [[nodiscard]] bool is_float() const { return std::holds_alternative<double>(data_); }
  [[nodiscard]] bool is_number() const { return is_bool() || is_int() || is_float(); }
  [[nodiscard]] bool is_integral() const { return is_bool() || is_int(); }
  [[nodiscard]] bool is_string() const { return std::holds_alternative<StringPtr>(data_); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<std::shared_ptr<List>>(data_); }
  [[nodiscard]] bool is_dict() const { return std::holds_alternative<std::shared_ptr<Dict>>(data_); }
  [[nodiscard]] bool is_callable() const { return std::holds_alternative<CallablePtr>(data_); }
  [[nodiscard]] bool is_namespace() const;

  // Of the kind that was asked for before.
  [[nodiscard]] const std::string& string() const { return **std::get_if<StringPtr>(&data_); }
  [[nodiscard]] List& list() const { return **std::get_if<std::shared_ptr<List>>(&data_); }
  [[nodiscard]] Dict& dict() const { return **std::get_if<std::shared_ptr<Dict>>(&data_); }
  [[nodiscard]] const Callable& callable() const { return **std::get_if<CallablePtr>(&data_); }
  // Of a bool or an int.
  [[nodiscard]] int64_t integer() const;
  // Of any number.
  [[nodiscard]] double real() const;

  [[nodiscard]] bool truthy() const;
  // Python's name of the type: 'str', 'int', ...
  [[nodiscard]] std::string_view type_name() const;
  [[nodiscard]] const std::string& undefined_hint() const { return *std::get_if<Undefined>(&data_)->hint; }
  // str() and repr().
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string repr() const;
  [[nodiscard]] uint32_t nesting() const;
  [[nodiscard]] bool same_object(const Value& other) const;

 private:
  using StringPtr = std::shared_ptr<const std::string>;
  using CallablePtr = std::shared_ptr<const Callable>;
  std::variant<None, Undefined, bool, int64_t, double, StringPtr, std::shared_ptr<List>, std::shared_ptr<Dict>,
               CallablePtr>
      data_;
  bool markup_ = false;
};

// In the order of insertion.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string, size_t> index;  // by key_text
  bool is_namespace = false;                      // namespace(): attributes may be set
  uint32_t nesting = 1;

  [[nodiscard]] const Value* find(const Value& key) const;
  [[nodiscard]] const Value* find(std::string_view key) const;
  // Checks the nesting; a key that cannot be hashed fails.
  void set(const Value& key, Value value);
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // The argument at `position` or of that name, else null.
  [[nodiscard]] const Value* get(size_t position, std::string_view name) const;
  [[nodiscard]] Value get_or(size_t position, std::string_view name, Value fallback) const;
};

struct Callable {
  std::string name;
  std::function<Value(const Arguments&)> call;
};

bool equal(const Value& a, const Value& b);
// -1, 0, 1; fails for types that Python does not order.
int compare(const Value& a, const Value& b);
// Is `item` in `container`?
bool contains(const Value& container, const Value& item);
// What a for loop goes over: items, keys, characters.
std::vector<Value> iterate(const Value& value);

// tojson of Hugging Face's templates: json.dumps(ensure_ascii=False, ...).
struct JsonStyle {
  int indent = -1;  // below 0: one line
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false;
  bool ensure_ascii = false;
};
std::string to_json(const Value& value, const JsonStyle& style);
// repr of a float, as Python writes it.
std::string float_text(double d);

// Strings by code points.
size_t length(std::string_view utf8);
std::vector<std::string_view> characters(std::string_view utf8);

}  // namespace quipu::chat_template
