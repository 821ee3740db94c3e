// The tests that follow `is`.
#include <algorithm>
#include <array>

#include "template/interpreter.h"

namespace quipu::chat_template {
namespace {

struct Entry {
  std::string_view name;
  Test test;
};

Value argument(const Arguments& arguments) {
  if (arguments.positional.empty()) fail("a test misses its argument");
  return arguments.positional[0];
}

int64_t whole(const Value& v) {
  if (!v.is_integral()) fail(fmt::format("expected an integer, got '{}'", v.type_name()));
  return v.integer();
}

bool all_letters(const Value& v, bool upper) {
  bool any = false;
  for (const char c : v.text()) {
    if (c >= 'a' && c <= 'z' && upper) return false;
    if (c >= 'A' && c <= 'Z' && !upper) return false;
    any = any || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  return any;
}

template <typename Accept>
bool ordered(const Value& a, const Arguments& arguments, Accept accept) {
  return accept(compare(a, argument(arguments)));
}

constexpr Test kEqual = [](const Value& v, const Arguments& a) { return equal(v, argument(a)); };
constexpr Test kNotEqual = [](const Value& v, const Arguments& a) { return !equal(v, argument(a)); };
constexpr Test kLess = [](const Value& v, const Arguments& a) { return ordered(v, a, [](int o) { return o < 0; }); };
constexpr Test kLessEqual = [](const Value& v, const Arguments& a) {
  return ordered(v, a, [](int o) { return o <= 0; });
};
constexpr Test kGreater = [](const Value& v, const Arguments& a) { return ordered(v, a, [](int o) { return o > 0; }); };
constexpr Test kGreaterEqual = [](const Value& v, const Arguments& a) {
  return ordered(v, a, [](int o) { return o >= 0; });
};

constexpr std::array kTests{
    Entry{"defined", [](const Value& v, const Arguments&) { return !v.is_undefined(); }},
    Entry{"undefined", [](const Value& v, const Arguments&) { return v.is_undefined(); }},
    Entry{"none", [](const Value& v, const Arguments&) { return v.is_none(); }},
    Entry{"string", [](const Value& v, const Arguments&) { return v.is_string(); }},
    Entry{"mapping", [](const Value& v, const Arguments&) { return v.is_dict() && !v.is_namespace(); }},
    Entry{"iterable",
          [](const Value& v, const Arguments&) {
            return v.is_string() || v.is_list() || v.is_undefined() || (v.is_dict() && !v.is_namespace());
          }},
    Entry{"sequence",
          [](const Value& v, const Arguments&) {
            return v.is_string() || v.is_list() || v.is_undefined() || (v.is_dict() && !v.is_namespace());
          }},
    Entry{"number", [](const Value& v, const Arguments&) { return v.is_number(); }},
    Entry{"integer", [](const Value& v, const Arguments&) { return v.is_int(); }},
    Entry{"float", [](const Value& v, const Arguments&) { return v.is_float(); }},
    Entry{"boolean", [](const Value& v, const Arguments&) { return v.is_bool(); }},
    Entry{"true", [](const Value& v, const Arguments&) { return v.is_bool() && v.truthy(); }},
    Entry{"false", [](const Value& v, const Arguments&) { return v.is_bool() && !v.truthy(); }},
    Entry{"callable", [](const Value& v, const Arguments&) { return v.is_callable(); }},
    Entry{"escaped", [](const Value&, const Arguments&) { return false; }},
    Entry{"even", [](const Value& v, const Arguments&) { return whole(v) % 2 == 0; }},
    Entry{"odd", [](const Value& v, const Arguments&) { return whole(v) % 2 != 0; }},
    Entry{"divisibleby",
          [](const Value& v, const Arguments& a) {
            const int64_t divisor = whole(argument(a));
            if (divisor == 0) fail("integer modulo by zero");
            return divisor == -1 || whole(v) % divisor == 0;
          }},
    Entry{"lower", [](const Value& v, const Arguments&) { return all_letters(v, false); }},
    Entry{"upper", [](const Value& v, const Arguments&) { return all_letters(v, true); }},
    Entry{"sameas", [](const Value& v, const Arguments& a) { return v.same_object(argument(a)); }},
    Entry{"in", [](const Value& v, const Arguments& a) { return contains(argument(a), v); }},
    Entry{"eq", kEqual},
    Entry{"equalto", kEqual},
    Entry{"==", kEqual},
    Entry{"ne", kNotEqual},
    Entry{"!=", kNotEqual},
    Entry{"lt", kLess},
    Entry{"lessthan", kLess},
    Entry{"<", kLess},
    Entry{"le", kLessEqual},
    Entry{"<=", kLessEqual},
    Entry{"gt", kGreater},
    Entry{"greaterthan", kGreater},
    Entry{">", kGreater},
    Entry{"ge", kGreaterEqual},
    Entry{">=", kGreaterEqual},
};

}  // namespace

Test find_test(std::string_view name) {
  const auto* found = std::ranges::find(kTests, name, &Entry::name);
  return found == kTests.end() ? nullptr : found->test;
}

}  // namespace quipu::chat_template
