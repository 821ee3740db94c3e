// Methods of strings and dicts, and the functions that every template can call.
#include <algorithm>
#include <array>

#include "template/interpreter.h"
#include "template/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace quipu::chat_template {
namespace {

const std::string& text_of(const Value& v) {
  if (!v.is_string()) fail(fmt::format("expected a string, got '{}'", v.type_name()));
  return v.string();
}

int64_t whole_of(const Value& v) {
  if (!v.is_integral()) fail(fmt::format("'{}' object cannot be interpreted as an integer", v.type_name()));
  return v.integer();
}

Value list_of(const std::vector<std::string>& texts) {
  std::vector<Value> items(texts.begin(), texts.end());
  return Value::list(std::move(items));
}

Value required(const Arguments& a, size_t i, std::string_view name) {
  const Value* found = a.get(i, name);
  if (found == nullptr) fail(fmt::format("missing argument '{}'", name));
  return *found;
}

using StringMethod = Value (*)(Interpreter& interpreter, const std::string& s, const Arguments& a);
struct StringEntry {
  std::string_view name;
  StringMethod call;
};

Value stripped(const std::string& s, const Arguments& a, Sides sides) {
  const Value set = a.get_or(0, "chars", Value());
  if (set.is_none()) return strip(s, nullptr, sides);
  const std::string_view characters_to_drop = text_of(set);
  return strip(s, &characters_to_drop, sides);
}

Value split_value(const std::string& s, const Arguments& a, bool from_right) {
  const Value separator = a.get_or(0, "sep", Value());
  const int64_t n = whole_of(a.get_or(1, "maxsplit", int64_t{-1}));
  const auto cut = from_right ? split_from_right : split;
  if (separator.is_none()) return list_of(cut(s, nullptr, n));
  const std::string_view view = text_of(separator);
  return list_of(cut(s, &view, n));
}

// startswith and endswith take a text or a tuple of them.
Value affix(const std::string& s, const Arguments& a, bool at_start) {
  const Value wanted = required(a, 0, "prefix");
  const auto fits = [&](const Value& v) { return at_start ? s.starts_with(text_of(v)) : s.ends_with(text_of(v)); };
  if (wanted.is_list() && wanted.list().is_tuple) return std::ranges::any_of(wanted.list().items, fits);
  return fits(wanted);
}

Value found_at(const std::string& s, const Arguments& a, bool from_right, bool must) {
  const std::string needle = text_of(required(a, 0, "sub"));
  const size_t at = from_right ? s.rfind(needle) : s.find(needle);
  if (at == std::string::npos) {
    if (must) fail("substring not found");
    return int64_t{-1};
  }
  return static_cast<int64_t>(length(std::string_view(s).substr(0, at)));
}

Value counted(const std::string& s, const std::string& needle) {
  if (needle.empty()) return static_cast<int64_t>(length(s)) + 1;
  int64_t n = 0;
  for (size_t at = s.find(needle); at != std::string::npos; at = s.find(needle, at + needle.size())) n++;
  return n;
}

Value padded(Interpreter& interpreter, const std::string& s, const Arguments& a, char side) {
  const int64_t width = whole_of(required(a, 0, "width"));
  const std::string fill = text_of(a.get_or(1, "fillchar", Value(" ")));
  if (length(fill) != 1) fail("The fill character must be exactly one character long");
  const auto size = static_cast<int64_t>(length(s));
  const int64_t missing = std::max<int64_t>(width - size, 0);
  interpreter.check_size(s.size() + static_cast<uint64_t>(missing) * fill.size());
  interpreter.step(1 + static_cast<uint64_t>(missing) / 16);
  const int64_t left = side == 'l' ? 0 : side == 'r' ? missing : missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; i++) out += fill;
  out += s;
  for (int64_t i = left; i < missing; i++) out += fill;
  return out;
}

template <typename Accept>
bool all_characters(const std::string& s, Accept accept) {
  const auto all = characters(s);
  return !all.empty() && std::ranges::all_of(all, [&](std::string_view c) {
    return accept(text::Properties(text::decode_at(c, 0).code_point));
  });
}

Value partitioned(const std::string& s, const Arguments& a, bool from_right) {
  const std::string separator = text_of(required(a, 0, "sep"));
  if (separator.empty()) fail("empty separator");
  const size_t at = from_right ? s.rfind(separator) : s.find(separator);
  if (at == std::string::npos) {
    if (from_right) return Value::list({Value(""), Value(""), Value(s)}, true);
    return Value::list({Value(s), Value(""), Value("")}, true);
  }
  return Value::list({Value(s.substr(0, at)), Value(separator), Value(s.substr(at + separator.size()))}, true);
}

Value joined(Interpreter& interpreter, const std::string& s, const Arguments& a) {
  std::string out;
  bool first = true;
  for (const Value& item : iterate(required(a, 0, "iterable"))) {
    if (!first) out += s;
    first = false;
    out += text_of(item);
    interpreter.check_size(out.size());
    interpreter.step(1 + (item.string().size() + s.size()) / 64);
  }
  return out;
}

Value replaced(Interpreter& interpreter, const std::string& s, const Arguments& a) {
  const std::string from = text_of(required(a, 0, "old")), to = text_of(required(a, 1, "new"));
  const uint64_t n = static_cast<uint64_t>(counted(s, from).integer());
  interpreter.check_size(s.size() + n * to.size());
  interpreter.step(1 + (s.size() + n * to.size()) / 64);
  return replace(s, from, to, whole_of(a.get_or(2, "count", int64_t{-1})));
}

#define METHOD(NAME, EXPRESSION)                                                  \
  StringEntry {                                                                   \
    NAME, [](Interpreter& i, const std::string& s, const Arguments& a) -> Value { \
      static_cast<void>(i), static_cast<void>(s), static_cast<void>(a);           \
      return EXPRESSION;                                                          \
    }                                                                             \
  }
const std::array kStringMethods{
    METHOD("upper", to_upper(s)),
    METHOD("lower", to_lower(s)),
    METHOD("casefold", to_lower(s)),
    METHOD("title", to_title(s)),
    METHOD("capitalize", to_capitalized(s)),
    METHOD("strip", stripped(s, a, Sides::both)),
    METHOD("lstrip", stripped(s, a, Sides::left)),
    METHOD("rstrip", stripped(s, a, Sides::right)),
    METHOD("split", split_value(s, a, false)),
    METHOD("rsplit", split_value(s, a, true)),
    METHOD("splitlines", list_of(split_lines(s, a.get_or(0, "keepends", false).truthy()))),
    METHOD("startswith", affix(s, a, true)),
    METHOD("endswith", affix(s, a, false)),
    METHOD("replace", replaced(i, s, a)),
    METHOD("join", joined(i, s, a)),
    METHOD("find", found_at(s, a, false, false)),
    METHOD("rfind", found_at(s, a, true, false)),
    METHOD("index", found_at(s, a, false, true)),
    METHOD("rindex", found_at(s, a, true, true)),
    METHOD("count", counted(s, text_of(required(a, 0, "sub")))),
    METHOD("format", brace_format(i, s, a)),
    METHOD("ljust", padded(i, s, a, 'l')),
    METHOD("rjust", padded(i, s, a, 'r')),
    METHOD("center", padded(i, s, a, 'c')),
    METHOD("partition", partitioned(s, a, false)),
    METHOD("rpartition", partitioned(s, a, true)),
    METHOD("isdigit", all_characters(s, [](text::Properties p) { return p.category() == text::Category::Nd; })),
    METHOD("isdecimal", all_characters(s, [](text::Properties p) { return p.category() == text::Category::Nd; })),
    METHOD("isnumeric", all_characters(s, [](text::Properties p) { return p.is_number(); })),
    METHOD("isalpha", all_characters(s, [](text::Properties p) { return p.is_letter(); })),
    METHOD("isalnum", all_characters(s, [](text::Properties p) { return p.is_letter() || p.is_number(); })),
    METHOD("isspace", !s.empty() && strip(s, nullptr, Sides::both).empty()),
    METHOD("isupper", s != to_lower(s) && s == to_upper(s)),
    METHOD("islower", s != to_upper(s) && s == to_lower(s)),
    METHOD("removeprefix",
           s.starts_with(text_of(required(a, 0, "prefix"))) ? s.substr(text_of(required(a, 0, "prefix")).size()) : s),
    METHOD("removesuffix", s.ends_with(text_of(required(a, 0, "suffix")))
                               ? s.substr(0, s.size() - text_of(required(a, 0, "suffix")).size())
                               : s),
};
#undef METHOD

Value bound(std::string name, std::function<Value(const Arguments&)> call) {
  return std::make_shared<const Callable>(Callable{std::move(name), std::move(call)});
}

Value dict_method(const Value& object, const std::string& name) {
  if (name == "items" || name == "keys" || name == "values") {
    return bound(name, [object, name](const Arguments&) {
      std::vector<Value> items;
      for (const auto& [key, value] : object.dict().entries)
        items.push_back(name == "keys" ? key : name == "values" ? value : Value::list({key, value}, true));
      return Value::list(std::move(items));
    });
  }
  if (name == "get") {
    return bound(name, [object](const Arguments& a) {
      const Value* found = object.dict().find(required(a, 0, "key"));
      return found != nullptr ? *found : a.get_or(1, "default", Value());
    });
  }
  if (name == "copy")
    return bound(name, [object](const Arguments&) { return Value(std::make_shared<Dict>(object.dict())); });
  return Value::undefined("");
}

Value list_method(const Value& object, const std::string& name) {
  if (name == "index" || name == "count") {
    return bound(name, [object, name](const Arguments& a) -> Value {
      const Value wanted = required(a, 0, "value");
      int64_t n = 0;
      for (size_t i = 0; i < object.list().items.size(); i++) {
        if (!equal(object.list().items[i], wanted)) continue;
        if (name == "index") return static_cast<int64_t>(i);
        n++;
      }
      if (name == "index") fail(fmt::format("{} is not in list", wanted.repr()));
      return n;
    });
  }
  if (name == "copy") return bound(name, [object](const Arguments&) { return object; });
  return Value::undefined("");
}

// What changes a list or dict in place; Hugging Face's sandbox forbids it, too.
bool is_mutating(const Value& object, std::string_view name) {
  static constexpr std::array<std::string_view, 7> kList{"append", "clear",   "insert", "pop",
                                                         "remove", "reverse", "sort"};
  static constexpr std::array<std::string_view, 5> kDict{"clear", "pop", "popitem", "setdefault", "update"};
  if (object.is_list() && !object.list().is_tuple)
    return name == "extend" || std::ranges::find(kList, name) != kList.end();
  return object.is_dict() && std::ranges::find(kDict, name) != kDict.end();
}

// A range holds at most so many numbers, as in Jinja's sandbox.
constexpr int64_t kMaxRange = 100000;

Value make_range(Interpreter& interpreter, const Arguments& a) {
  const size_t n = a.positional.size();
  if (n < 1 || n > 3) fail("range expected 1 to 3 arguments");
  const int64_t begin = n == 1 ? 0 : whole_of(a.positional[0]);
  const int64_t end = whole_of(a.positional[n == 1 ? 0 : 1]);
  const int64_t step = n == 3 ? whole_of(a.positional[2]) : 1;
  if (step == 0) fail("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(items.size()) >= kMaxRange)
      fail_limit(fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", kMaxRange));
    items.emplace_back(i);
    interpreter.step();
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::list(std::move(items));
}

void fill_dict(Dict& dict, const Arguments& a) {
  if (!a.positional.empty()) {
    const Value& source = a.positional[0];
    if (source.is_dict()) {
      for (const auto& [key, value] : source.dict().entries) dict.set(key, value);
    } else {
      for (const Value& pair : iterate(source)) {
        const std::vector<Value> both = iterate(pair);
        if (both.size() != 2) fail("dict() wants pairs");
        dict.set(both[0], both[1]);
      }
    }
  }
  for (const auto& [key, value] : a.named) dict.set(Value(key), value);
}

}  // namespace

Value find_method(Interpreter& interpreter, const Value& object, const std::string& name) {
  if (object.is_string()) {
    const auto* found = std::ranges::find(kStringMethods, name, &StringEntry::name);
    if (found == kStringMethods.end()) return Value::undefined("");
    return bound(name, [&interpreter, object, call = found->call](const Arguments& a) {
      interpreter.step(1 + object.string().size() / 64);
      return call(interpreter, object.string(), a);
    });
  }
  if (is_mutating(object, name)) {
    return bound(name, [object, name](const Arguments&) -> Value {
      fail(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, object.type_name()));
    });
  }
  if (object.is_dict() && !object.is_namespace()) return dict_method(object, name);
  if (object.is_list()) return list_method(object, name);
  return Value::undefined("");
}

void define_globals(Scope& scope, Interpreter& interpreter) {
  const auto define = [&](const char* name, auto call) { scope.variables[name] = bound(name, std::move(call)); };
  define("range", [&interpreter](const Arguments& a) { return make_range(interpreter, a); });
  define("namespace", [&interpreter](const Arguments& a) {
    auto space = interpreter.make_namespace();
    fill_dict(*space, a);
    return Value(space);
  });
  define("dict", [](const Arguments& a) {
    auto dict = std::make_shared<Dict>();
    fill_dict(*dict, a);
    return Value(dict);
  });
  define("raise_exception", [](const Arguments& a) -> Value { fail(a.get_or(0, "message", Value("")).text()); });
  define("joiner", [](const Arguments& a) {
    const Value separator = a.get_or(0, "sep", Value(", "));
    return bound("joiner", [separator, used = std::make_shared<bool>(false)](const Arguments&) {
      return std::exchange(*used, true) ? separator : Value("");
    });
  });
}

}  // namespace quipu::chat_template
