// Python's arithmetic, and its two ways to format text.
#include <charconv>
#include <cmath>

#include "template/interpreter.h"
#include "text/html.h"

namespace quipu::chat_template {
namespace {

[[noreturn]] void unsupported(const std::string& op, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) fail(v->undefined_hint());
  if (op == "+" && a.is_string()) fail(fmt::format("can only concatenate str (not \"{}\") to str", b.type_name()));
  fail(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", op, a.type_name(), b.type_name()));
}

Value integers(const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == "/") {
    if (b == 0) fail("division by zero");
    return static_cast<double>(a) / static_cast<double>(b);
  } else if (op == "//" || op == "%") {
    if (b == 0) fail("integer modulo by zero");
    if (b == -1) return op == "%" ? Value(int64_t{0}) : integers("-", 0, a);
    const int64_t quotient = a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
    return op == "//" ? quotient : a - quotient * b;
  } else {  // **
    if (b < 0) return std::pow(static_cast<double>(a), static_cast<double>(b));
    result = 1;
    for (int64_t i = 0; i < b && !overflow && result != 0 && !(a == 1 && i > 0); i++) {
      if (a == -1) return b % 2 == 0 ? int64_t{1} : int64_t{-1};
      overflow = __builtin_mul_overflow(result, a, &result);
    }
  }
  if (overflow) fail_limit("an integer of the template needs more than 64 bits");
  return result;
}

Value reals(const std::string& op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") return std::pow(a, b);
  if (b == 0.0) fail("float division by zero");
  if (op == "/") return a / b;
  const double quotient = std::floor(a / b);
  if (op == "//") return quotient;
  const double rest = std::fmod(a, b);
  return rest != 0.0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// "ab" * 3 and [1] * 3
Value repeated(Interpreter& interpreter, const Value& what, int64_t n) {
  n = std::max<int64_t>(n, 0);
  const uint64_t size = what.is_string() ? what.string().size() : what.list().items.size() * sizeof(Value);
  if (n > 0 && size > UINT64_MAX / static_cast<uint64_t>(n)) fail_limit("a repeated value is too large");
  interpreter.check_size(size * static_cast<uint64_t>(n));
  interpreter.step(1 + size * static_cast<uint64_t>(n) / 64);
  if (what.is_string()) {
    std::string text;
    for (int64_t i = 0; i < n && size > 0; i++) text += what.string();
    return text;
  }
  std::vector<Value> items;
  for (int64_t i = 0; i < n && size > 0; i++)
    items.insert(items.end(), what.list().items.begin(), what.list().items.end());
  return Value::list(std::move(items), what.list().is_tuple);
}

}  // namespace

Value arithmetic(Interpreter& interpreter, const std::string& op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return integers(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return reals(op, a.real(), b.real());
  if (op == "+" && a.is_string() && b.is_string()) {
    interpreter.check_size(a.string().size() + b.string().size());
    interpreter.step(1 + (a.string().size() + b.string().size()) / 64);
    if (a.is_markup() || b.is_markup()) {
      const auto safe = [](const Value& v) { return v.is_markup() ? v.string() : text::escape_html(v.string()); };
      return Value::markup(safe(a) + safe(b));
    }
    return a.string() + b.string();
  }
  if (op == "+" && a.is_list() && b.is_list() && a.list().is_tuple == b.list().is_tuple) {
    std::vector<Value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    interpreter.check_size(items.size() * sizeof(Value));
    interpreter.step(items.size());
    return Value::list(std::move(items), a.list().is_tuple);
  }
  if (op == "*" && (a.is_string() || a.is_list()) && b.is_integral()) return repeated(interpreter, a, b.integer());
  if (op == "*" && (b.is_string() || b.is_list()) && a.is_integral()) return repeated(interpreter, b, a.integer());
  if (op == "%" && a.is_string()) return percent_format(interpreter, a.string(), b);
  unsupported(op, a, b);
}

namespace {

// [[fill]align][sign][#][0][width][,][.precision][type] of Python's format language, and % formats made into it.
struct Spec {
  std::string fill = " ";
  char align = '\0', sign = '-', type = '\0';
  bool alternate = false, comma = false;
  uint64_t width = 0;
  int precision = -1;
};

// Wide enough for any honest table.
constexpr uint64_t kMaxWidth = 10000;

uint64_t number_at(std::string_view text, size_t& i) {
  uint64_t n = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; i++) {
    n = n * 10 + static_cast<uint64_t>(text[i] - '0');
    if (n > kMaxWidth) fail_limit(fmt::format("a format asks for more than {} characters", kMaxWidth));
  }
  return n;
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  const auto all = characters(text);
  const auto is_align = [](std::string_view c) { return c == "<" || c == ">" || c == "^" || c == "="; };
  size_t i = 0;
  if (all.size() >= 2 && is_align(all[1])) {
    spec.fill = all[0];
    spec.align = all[1][0];
    i = all[0].size() + 1;
  } else if (!all.empty() && is_align(all[0])) {
    spec.align = all[0][0];
    i = 1;
  }
  const auto take = [&](char c) { return i < text.size() && text[i] == c ? (i++, true) : false; };
  for (const char c : {'+', '-', ' '})
    if (take(c)) spec.sign = c;
  spec.alternate = take('#');
  if (take('0') && spec.align == '\0') {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = number_at(text, i);
  spec.comma = take(',');
  if (take('.')) spec.precision = static_cast<int>(number_at(text, i));
  if (i < text.size()) spec.type = text[i++];
  if (i != text.size()) fail(fmt::format("Invalid format specifier '{}'", text));
  return spec;
}

std::string with_commas(std::string digits) {
  const size_t point = std::min(digits.find('.'), digits.size());
  for (size_t i = point; i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// Digits without a sign.
std::string magnitude(const Value& value, const Spec& spec) {
  char buffer[512];
  if (value.is_integral() && std::string_view("\0dnxXobc", 8).find(spec.type) != std::string_view::npos) {
    const int64_t n = value.integer();
    const auto magnitude = n < 0 ? ~static_cast<uint64_t>(n) + 1 : static_cast<uint64_t>(n);
    const int base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
    std::string digits(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
    if (spec.type == 'X')
      for (char& c : digits) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (spec.alternate && base != 10) digits = (base == 16 ? "0x" : base == 8 ? "0o" : "0b") + digits;
    return digits;
  }
  const double d = std::fabs(value.real());
  if (spec.type == '\0' && spec.precision < 0) return float_text(d);
  const int precision = std::min(spec.precision < 0 ? 6 : spec.precision, 100);
  const char type = spec.type == '\0' ? 'g' : spec.type;
  if (std::string_view("eEfFgG%").find(type) == std::string_view::npos)
    fail(fmt::format("Unknown format code '{}' for object of type '{}'", spec.type, value.type_name()));
  const char format[] = {'%', '.', '*', type == '%' ? 'f' : type, '\0'};
  const int n = std::snprintf(buffer, sizeof buffer, format, precision, type == '%' ? d * 100 : d);
  return std::string(buffer, static_cast<size_t>(std::min<int>(n, sizeof buffer - 1))) + (type == '%' ? "%" : "");
}

std::string apply_spec(Interpreter& interpreter, const Value& value, const Spec& spec) {
  std::string sign, text;
  if (value.is_number() && spec.type != 's' && !(value.is_bool() && spec.type == '\0')) {
    text = magnitude(value, spec);
    if (spec.comma) text = with_commas(text);
    if (std::signbit(value.real()))
      sign = "-";
    else if (spec.sign != '-')
      sign = spec.sign;
  } else {
    text = value.text();
    if (spec.precision >= 0) {
      const auto all = characters(text);
      if (all.size() > static_cast<size_t>(spec.precision)) {
        std::string cut;
        for (size_t i = 0; i < static_cast<size_t>(spec.precision); i++) cut += all[i];
        text = cut;
      }
    }
  }
  const size_t size = length(text) + sign.size();
  if (size >= spec.width) return sign + text;
  const uint64_t missing = spec.width - size;
  interpreter.step(1 + missing / 16);
  const auto fill = [&](uint64_t n) {
    std::string padding;
    for (uint64_t i = 0; i < n; i++) padding += spec.fill;
    return padding;
  };
  const char align = spec.align != '\0' ? spec.align : value.is_number() && !value.is_bool() ? '>' : '<';
  if (align == '<') return sign + text + fill(missing);
  if (align == '>') return fill(missing) + sign + text;
  if (align == '=') return sign + fill(missing) + text;
  return fill(missing / 2) + sign + text + fill(missing - missing / 2);
}

}  // namespace

std::string percent_format(Interpreter& interpreter, const std::string& format, const Value& arguments) {
  const bool tuple = arguments.is_list() && arguments.list().is_tuple;
  size_t next = 0;
  const auto next_argument = [&]() -> Value {
    if (tuple) {
      if (next >= arguments.list().items.size()) fail("not enough arguments for format string");
      return arguments.list().items[next++];
    }
    if (next++ > 0) fail("not enough arguments for format string");
    return arguments;
  };
  std::string out;
  for (size_t i = 0; i < format.size(); i++) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    if (++i >= format.size()) fail("incomplete format");
    if (format[i] == '%') {
      out += '%';
      continue;
    }
    Value argument;
    const bool named = format[i] == '(';
    if (named) {
      const size_t end = format.find(')', i);
      if (end == std::string::npos || !arguments.is_dict()) fail("format requires a mapping");
      const Value* found = arguments.dict().find(std::string_view(format).substr(i + 1, end - i - 1));
      if (found == nullptr) fail("KeyError: " + format.substr(i + 1, end - i - 1));
      argument = *found;
      next = 1;
      i = end + 1;
    }
    Spec spec;
    for (; i < format.size() && std::string_view("#0- +").find(format[i]) != std::string_view::npos; i++) {
      if (format[i] == '-') spec.align = '<';
      if (format[i] == '0' && spec.align == '\0') spec.fill = "0", spec.align = '=';
      if (format[i] == '+' || format[i] == ' ') spec.sign = format[i];
      if (format[i] == '#') spec.alternate = true;
    }
    spec.width = number_at(format, i);
    if (i < format.size() && format[i] == '.') spec.precision = static_cast<int>(number_at(format, ++i));
    if (i >= format.size()) fail("incomplete format");
    spec.type = format[i];
    if (!named) argument = next_argument();
    if (spec.align == '\0') spec.align = '>';
    if (spec.type == 'r') argument = Value(argument.repr());
    if (spec.type == 'r' || spec.type == 's') {
      spec.type = 's';
    } else if (!argument.is_number()) {
      fail(fmt::format("%{} format: a number is required, not {}", spec.type, argument.type_name()));
    } else if (spec.type == 'i' || spec.type == 'd' || spec.type == 'u') {
      spec.type = 'd';
      if (argument.is_float()) argument = Value(static_cast<int64_t>(argument.real()));
    }
    out += apply_spec(interpreter, argument, spec);
    interpreter.check_size(out.size());
  }
  if (tuple && next < arguments.list().items.size()) fail("not all arguments converted during string formatting");
  if (!tuple && next == 0 && !arguments.is_dict()) fail("not all arguments converted during string formatting");
  return out;
}

std::string brace_format(Interpreter& interpreter, const std::string& format, const Arguments& arguments) {
  std::string out;
  size_t next = 0;
  bool any_numbered = false;
  for (size_t i = 0; i < format.size(); i++) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      out += c;
      i++;
      continue;
    }
    if (c == '}') fail("Single '}' encountered in format string");
    if (c != '{') {
      out += c;
      continue;
    }
    const size_t end = format.find('}', i);
    if (end == std::string::npos) fail("expected '}' before end of string");
    std::string field = format.substr(i + 1, end - i - 1), spec;
    if (const size_t colon = field.find(':'); colon != std::string::npos) {
      spec = field.substr(colon + 1);
      field.resize(colon);
    }
    char conversion = '\0';
    if (field.size() >= 2 && field[field.size() - 2] == '!') {
      conversion = field.back();
      field.resize(field.size() - 2);
    }
    const bool numbered = !field.empty() && field[0] >= '0' && field[0] <= '9';
    any_numbered = any_numbered || numbered;
    if (any_numbered && (field.empty() || next > 0))
      fail("cannot mix numbered and automatic fields in a format string");
    size_t digits = 0;
    const size_t index = numbered ? number_at(field, digits) : 0;
    const Value* argument = field.empty() ? (next < arguments.positional.size() ? &arguments.positional[next] : nullptr)
                            : numbered ? (index < arguments.positional.size() ? &arguments.positional[index] : nullptr)
                                       : arguments.get(SIZE_MAX, field);
    if (field.empty()) next++;
    if (argument == nullptr) fail(fmt::format("no argument for '{{{}}}' in a format string", field));
    const Value shown = conversion == 'r'   ? Value(argument->repr())
                        : conversion == 's' ? Value(argument->text())
                                            : *argument;
    out += apply_spec(interpreter, shown, parse_spec(spec));
    interpreter.check_size(out.size());
    i = end;
  }
  return out;
}

}  // namespace quipu::chat_template
