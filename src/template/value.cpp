#include "template/value.h"

#include <algorithm>
#include <cmath>

namespace quipu::chat_template {

void fail(std::string message) {
  throw Failure{ErrorKind::invalid_input, std::move(message)};
}
void fail_limit(std::string message) {
  throw Failure{ErrorKind::limit_exceeded, std::move(message)};
}

namespace {

void check_nesting(uint32_t nesting) {
  if (nesting > kMaxNesting) fail_limit(fmt::format("values are nested more than {} deep", kMaxNesting));
}

// What identifies a key: 1, 1.0 and true are one key, as in Python.
std::string key_text(const Value& key) {
  if (key.is_string()) return "s" + key.string();
  if (key.is_number()) return "n" + float_text(key.real());
  if (key.is_none()) return "none";
  if (key.is_list() && key.list().is_tuple) return "t" + key.repr();
  fail(fmt::format("unhashable type: '{}'", key.type_name()));
}

void append_quoted(std::string& out, const std::string& s) {
  const bool has_single = s.find('\'') != std::string::npos;
  const bool has_double = s.find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out += quote;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += quote;
}

// Text of values that may be long because they share parts: the size is bounded as it grows.
constexpr size_t kMaxTextBytes = 64u << 20;

class Printer {
 public:
  std::string out;

  void repr(const Value& v, uint32_t depth) {
    check_nesting(depth);
    if (out.size() > kMaxTextBytes) fail_limit("the text of a value is too long");
    if (v.is_string()) {
      append_quoted(out, v.string());
    } else if (v.is_list()) {
      list(v.list(), depth);
    } else if (v.is_dict()) {
      dict(v.dict(), depth);
    } else {
      out += v.text();
    }
  }

 private:
  void list(const List& l, uint32_t depth) {
    out += l.is_tuple ? '(' : '[';
    for (size_t i = 0; i < l.items.size(); i++) {
      if (i > 0) out += ", ";
      repr(l.items[i], depth + 1);
    }
    if (l.is_tuple && l.items.size() == 1) out += ',';
    out += l.is_tuple ? ')' : ']';
  }

  void dict(const Dict& d, uint32_t depth) {
    if (d.is_namespace) out += "<Namespace ";
    out += '{';
    for (size_t i = 0; i < d.entries.size(); i++) {
      if (i > 0) out += ", ";
      repr(d.entries[i].first, depth + 1);
      out += ": ";
      repr(d.entries[i].second, depth + 1);
    }
    out += '}';
    if (d.is_namespace) out += '>';
  }
};

}  // namespace

std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", d);  // as Python: with an exponent below 1e-4 and from 1e16
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

Value Value::undefined(std::string hint) {
  return Undefined{std::make_shared<const std::string>(std::move(hint))};
}

Value Value::list(std::vector<Value> items, bool is_tuple) {
  auto result = std::make_shared<List>();
  for (const Value& item : items) result->nesting = std::max(result->nesting, item.nesting() + 1);
  check_nesting(result->nesting);
  result->items = std::move(items);
  result->is_tuple = is_tuple;
  return result;
}

Value Value::generator(std::vector<Value> items) {
  Value result = list(std::move(items));
  result.list().is_generator = true;
  return result;
}

Value Value::markup(std::string text) {
  Value result(std::move(text));
  result.markup_ = true;
  return result;
}

Value Value::from_json(const Json& json, uint32_t depth) {
  check_nesting(depth);
  switch (json.type()) {
    case Json::value_t::null:
      return {};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<int64_t>();
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() <= INT64_MAX) return static_cast<int64_t>(json.get<uint64_t>());
      return json.get<double>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(from_json(item, depth + 1));
      return list(std::move(items));
    }
    case Json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, value] : json.items()) dict->set(Value(key), from_json(value, depth + 1));
      return dict;
    }
    default:
      return {};
  }
}

bool Value::is_namespace() const {
  return is_dict() && dict().is_namespace;
}

int64_t Value::integer() const {
  if (const bool* b = std::get_if<bool>(&data_)) return *b ? 1 : 0;
  return *std::get_if<int64_t>(&data_);
}

double Value::real() const {
  if (const double* d = std::get_if<double>(&data_)) return *d;
  return static_cast<double>(integer());
}

bool Value::truthy() const {
  if (is_none() || is_undefined()) return false;
  if (is_float()) return real() != 0.0;
  if (is_integral()) return integer() != 0;
  if (is_string()) return !string().empty();
  if (is_list()) return list().is_generator || !list().items.empty();
  if (is_namespace()) return true;
  if (is_dict()) return !dict().entries.empty();
  return true;
}

std::string_view Value::type_name() const {
  if (is_none()) return "NoneType";
  if (is_undefined()) return "Undefined";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_float()) return "float";
  if (is_string()) return "str";
  if (is_list()) return list().is_generator ? "generator" : list().is_tuple ? "tuple" : "list";
  if (is_dict()) return dict().is_namespace ? "Namespace" : "dict";
  return "function";
}

std::string Value::text() const {
  if (is_string()) return string();
  if (is_none()) return "None";
  if (is_undefined()) return "";
  if (is_bool()) return integer() != 0 ? "True" : "False";
  if (is_int()) return std::to_string(integer());
  if (is_float()) return float_text(real());
  if (is_callable()) return "<function " + callable().name + ">";
  return repr();
}

std::string Value::repr() const {
  Printer printer;
  printer.repr(*this, 0);
  return std::move(printer.out);
}

uint32_t Value::nesting() const {
  if (is_list()) return list().nesting;
  if (is_dict() && !dict().is_namespace) return dict().nesting;
  return 0;
}

bool Value::same_object(const Value& other) const {
  if (data_.index() != other.data_.index()) return false;
  if (is_list()) return &list() == &other.list();
  if (is_dict()) return &dict() == &other.dict();
  if (is_callable()) return &callable() == &other.callable();
  return equal(*this, other);
}

const Value* Dict::find(const Value& key) const {
  const auto found = index.find(key_text(key));
  return found == index.end() ? nullptr : &entries[found->second].second;
}

const Value* Dict::find(std::string_view key) const {
  const auto found = index.find("s" + std::string(key));
  return found == index.end() ? nullptr : &entries[found->second].second;
}

void Dict::set(const Value& key, Value value) {
  nesting = std::max(nesting, value.nesting() + 1);
  check_nesting(nesting);
  const auto [found, is_new] = index.try_emplace(key_text(key), entries.size());
  if (is_new)
    entries.emplace_back(key, std::move(value));
  else
    entries[found->second].second = std::move(value);
}

const Value* Arguments::get(size_t position, std::string_view name) const {
  if (position < positional.size()) return &positional[position];
  for (const auto& [key, value] : named)
    if (key == name) return &value;
  return nullptr;
}

Value Arguments::get_or(size_t position, std::string_view name, Value fallback) const {
  const Value* found = get(position, name);
  if (found != nullptr) return *found;
  return fallback;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    return a.real() == b.real();
  }
  if (a.is_string() && b.is_string()) return a.string() == b.string();
  if (a.is_list() && b.is_list()) {
    return a.list().is_tuple == b.list().is_tuple && std::equal(a.list().items.begin(), a.list().items.end(),
                                                                b.list().items.begin(), b.list().items.end(), equal);
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.is_namespace() || b.is_namespace()) return &a.dict() == &b.dict();
    if (a.dict().entries.size() != b.dict().entries.size()) return false;
    return std::ranges::all_of(a.dict().entries, [&](const auto& entry) {
      const Value* other = b.dict().find(entry.first);
      return other != nullptr && equal(entry.second, *other);
    });
  }
  if (a.is_callable() && b.is_callable()) return &a.callable() == &b.callable();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

int compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() < b.integer() ? -1 : a.integer() > b.integer();
    return a.real() < b.real() ? -1 : a.real() > b.real();
  }
  if (a.is_string() && b.is_string()) return std::clamp(a.string().compare(b.string()), -1, 1);
  if (a.is_list() && b.is_list() && a.list().is_tuple == b.list().is_tuple) {
    const auto &x = a.list().items, &y = b.list().items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); i++)
      if (!equal(x[i], y[i])) return compare(x[i], y[i]);
    return x.size() < y.size() ? -1 : x.size() > y.size();
  }
  fail(fmt::format("'<' not supported between instances of '{}' and '{}'", a.type_name(), b.type_name()));
}

bool contains(const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) fail(fmt::format("'in <string>' requires string as left operand, not {}", item.type_name()));
    return container.string().find(item.string()) != std::string::npos;
  }
  if (container.is_dict() && !container.is_namespace()) return container.dict().find(item) != nullptr;
  if (container.is_list())
    return std::ranges::any_of(container.list().items, [&](const Value& v) { return equal(v, item); });
  if (container.is_undefined()) return false;
  fail(fmt::format("argument of type '{}' is not iterable", container.type_name()));
}

std::vector<Value> iterate(const Value& value) {
  if (value.is_list()) return value.list().items;
  if (value.is_undefined()) return {};
  std::vector<Value> items;
  if (value.is_dict() && !value.is_namespace()) {
    for (const auto& [key, ignored] : value.dict().entries) items.push_back(key);
    return items;
  }
  if (value.is_string()) {
    for (const std::string_view c : characters(value.string())) items.emplace_back(c);
    return items;
  }
  fail(fmt::format("'{}' object is not iterable", value.type_name()));
}

std::vector<std::string_view> characters(std::string_view utf8) {
  std::vector<std::string_view> result;
  for (size_t i = 0; i < utf8.size();) {
    size_t n = 1;
    while (i + n < utf8.size() && (static_cast<unsigned char>(utf8[i + n]) & 0xc0) == 0x80) n++;
    result.push_back(utf8.substr(i, n));
    i += n;
  }
  return result;
}

size_t length(std::string_view utf8) {
  return static_cast<size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace quipu::chat_template
