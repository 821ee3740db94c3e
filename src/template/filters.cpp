// The filters that follow `|`.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "template/interpreter.h"
#include "template/strings.h"
#include "text/html.h"

namespace quipu::chat_template {
namespace {

using In = Interpreter&;
using V = const Value&;
using A = const Arguments&;

const std::string& text_of(V v) {
  if (!v.is_string()) fail(fmt::format("expected a string, got '{}'", v.type_name()));
  return v.string();
}
int64_t whole_of(V v) {
  if (!v.is_integral()) fail(fmt::format("expected an integer, got '{}'", v.type_name()));
  return v.integer();
}

// map and select take whatever is falsy (none, too) for nothing.
std::vector<Value> items_of(In in, V v);
std::vector<Value> items_or_none(In in, V v) {
  return v.truthy() ? items_of(in, v) : std::vector<Value>();
}

// Items of what a filter goes over, counted as work.
std::vector<Value> items_of(In in, V v) {
  std::vector<Value> items = iterate(v);
  in.step(items.size());
  return items;
}

// "a.b.0" walks attributes and indices, as in Jinja's attribute=...
Value walk(In in, Value v, V path) {
  if (path.is_integral()) return in.lookup(v, path, false);
  const std::string_view dot = ".";
  for (const std::string& part : split(text_of(path), &dot, -1)) {
    int64_t index = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = parsed.ec == std::errc() && parsed.ptr == part.data() + part.size();
    v = in.lookup(v, number ? Value(index) : Value(part), false);
  }
  return v;
}

Value default_filter(In, V v, A a) {
  const bool falsy_too = a.get_or(1, "boolean", false).truthy();
  if (v.is_undefined() || (falsy_too && !v.truthy())) return a.get_or(0, "default_value", Value(""));
  return v;
}

Value join(In in, V v, A a) {
  const std::string separator = a.get_or(0, "d", Value("")).text();
  const Value* attribute = a.get(1, "attribute");
  std::string out;
  bool first = true;
  for (const Value& item : items_of(in, v)) {
    if (!std::exchange(first, false)) out += separator;
    out += attribute != nullptr ? walk(in, item, *attribute).text() : item.text();
    in.check_size(out.size());
    in.step(1 + separator.size() / 64);
  }
  return out;
}

Value map(In in, V v, A a) {
  std::vector<Value> out;
  const Value* attribute = a.get(SIZE_MAX, "attribute");
  if (attribute == nullptr && a.positional.empty()) fail("map requires a filter argument");
  Arguments rest;
  if (attribute == nullptr) {
    rest.positional.assign(a.positional.begin() + 1, a.positional.end());
    rest.named = a.named;
  }
  for (const Value& item : items_or_none(in, v)) {
    if (attribute != nullptr) {
      Value found = walk(in, item, *attribute);
      if (found.is_undefined()) found = a.get_or(SIZE_MAX, "default", found);
      out.push_back(std::move(found));
    } else {
      out.push_back(in.apply_filter(text_of(a.positional[0]), item, rest));
    }
  }
  return Value::generator(std::move(out));
}

// select, reject, selectattr, rejectattr
Value choose(In in, V v, A a, bool by_attribute, bool wanted) {
  const size_t first = by_attribute ? 1 : 0;
  if (by_attribute && a.positional.empty()) fail("selectattr requires an attribute");
  Arguments rest;
  if (a.positional.size() > first + 1)
    rest.positional.assign(a.positional.begin() + static_cast<ptrdiff_t>(first) + 1, a.positional.end());
  std::vector<Value> out;
  for (const Value& item : items_or_none(in, v)) {
    const Value subject = by_attribute ? walk(in, item, a.positional[0]) : item;
    const bool holds =
        a.positional.size() > first ? in.apply_test(text_of(a.positional[first]), subject, rest) : subject.truthy();
    if (holds == wanted) out.push_back(item);
  }
  return Value::generator(std::move(out));
}

// Text compares without regard to case unless asked.
Value sort_key(In in, V item, const Value* attribute, bool case_sensitive) {
  Value key = attribute != nullptr ? walk(in, item, *attribute) : item;
  return key.is_string() && !case_sensitive ? Value(to_lower(key.string())) : key;
}

std::vector<std::pair<Value, Value>> keyed(In in, V v, const Value* attribute, bool case_sensitive) {
  std::vector<std::pair<Value, Value>> all;
  for (const Value& item : items_of(in, v)) all.emplace_back(sort_key(in, item, attribute, case_sensitive), item);
  return all;
}

Value sort(In in, V v, A a) {
  const bool reverse = a.get_or(0, "reverse", false).truthy();
  auto all = keyed(in, v, a.get(2, "attribute"), a.get_or(1, "case_sensitive", false).truthy());
  in.step(all.size() * 16);
  std::ranges::stable_sort(all, [&](const auto& x, const auto& y) {
    const int order = compare(x.first, y.first);
    return reverse ? order > 0 : order < 0;
  });
  std::vector<Value> out;
  out.reserve(all.size());
  for (auto& [key, item] : all) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value unique(In in, V v, A a) {
  std::vector<Value> out, seen;
  for (auto& [key, item] : keyed(in, v, a.get(1, "attribute"), a.get_or(0, "case_sensitive", false).truthy())) {
    in.step(seen.size());
    if (std::ranges::any_of(seen, [&key = key](V s) { return equal(s, key); })) continue;
    seen.push_back(key);
    out.push_back(item);
  }
  return Value::list(std::move(out));
}

Value groupby(In in, V v, A a) {
  const Value* attribute = a.get(0, "attribute");
  if (attribute == nullptr) fail("groupby requires an attribute");
  std::vector<std::pair<Value, Value>> all;
  for (const Value& item : items_of(in, v)) {
    Value key = walk(in, item, *attribute);
    if (key.is_undefined()) key = a.get_or(1, "default", key);
    all.emplace_back(std::move(key), item);
  }
  in.step(all.size() * 16);
  const auto folded = [](V key) { return key.is_string() ? Value(to_lower(key.string())) : key; };
  std::ranges::stable_sort(all,
                           [&](const auto& x, const auto& y) { return compare(folded(x.first), folded(y.first)) < 0; });
  std::vector<Value> groups;
  for (size_t i = 0; i < all.size();) {
    std::vector<Value> members;
    const Value key = all[i].first;
    for (; i < all.size() && equal(folded(all[i].first), folded(key)); i++) members.push_back(all[i].second);
    groups.push_back(Value::list({key, Value::list(std::move(members))}, true));
  }
  return Value::list(std::move(groups));
}

Value dictsort(In in, V v, A a) {
  if (!v.is_dict()) fail("dictsort wants a mapping");
  const bool by_value = a.get_or(1, "by", Value("key")).text() == "value";
  const bool reverse = a.get_or(2, "reverse", false).truthy();
  const bool case_sensitive = a.get_or(0, "case_sensitive", false).truthy();
  auto entries = v.dict().entries;
  in.step(entries.size() * 16);
  std::ranges::stable_sort(entries, [&](const auto& x, const auto& y) {
    const int order = compare(sort_key(in, by_value ? x.second : x.first, nullptr, case_sensitive),
                              sort_key(in, by_value ? y.second : y.first, nullptr, case_sensitive));
    return reverse ? order > 0 : order < 0;
  });
  std::vector<Value> out;
  out.reserve(entries.size());
  for (const auto& [key, value] : entries) out.push_back(Value::list({key, value}, true));
  return Value::list(std::move(out));
}

// Unlike str.title(): words begin behind white space and - ( { [ <.
Value title(In, V v, A) {
  const std::string text = v.text();
  std::string out;
  bool in_word = false;
  for (const std::string_view c : characters(text)) {
    const bool separator = is_white_space(c) || c == "-" || c == "(" || c == "{" || c == "[" || c == "<";
    out += separator ? std::string(c) : in_word ? to_lower(c) : to_upper(c);
    in_word = !separator;
  }
  return out;
}

Value length_filter(In, V v, A) {
  if (v.is_string()) return static_cast<int64_t>(length(v.string()));
  if (v.is_list() && !v.list().is_generator) return static_cast<int64_t>(v.list().items.size());
  if (v.is_dict() && !v.is_namespace()) return static_cast<int64_t>(v.dict().entries.size());
  if (v.is_undefined()) return int64_t{0};
  fail(fmt::format("object of type '{}' has no len()", v.type_name()));
}

Value first_or_last(V v, bool first) {
  const std::vector<Value> items = iterate(v);
  if (items.empty()) return Value::undefined(fmt::format("No {} item, sequence was empty.", first ? "first" : "last"));
  return first ? items.front() : items.back();
}

Value to_int(In, V v, A a) {
  Value fallback = a.get_or(0, "default", int64_t{0});
  const int64_t base = whole_of(a.get_or(1, "base", int64_t{10}));
  if (v.is_integral()) return v.integer();
  double d = 0;
  if (v.is_float()) {
    d = v.real();
  } else if (v.is_string()) {
    const std::string s = strip(v.string(), nullptr, Sides::both);
    int64_t i = 0;
    const size_t skip = !s.empty() && s[0] == '+' ? 1 : 0;
    const char* end = s.data() + s.size();
    if (base >= 2 && base <= 36) {
      const auto parsed = std::from_chars(s.data() + skip, end, i, static_cast<int>(base));
      if (parsed.ec == std::errc() && parsed.ptr == end && !s.empty()) return i;
    }
    const auto parsed = std::from_chars(s.data() + skip, end, d);
    if (parsed.ec != std::errc() || parsed.ptr != end) return fallback;
  } else {
    return fallback;
  }
  if (!(std::fabs(d) < 9e18)) return fallback;
  return static_cast<int64_t>(d);
}

Value to_float(In, V v, A a) {
  Value fallback = a.get_or(0, "default", 0.0);
  if (v.is_number()) return v.real();
  if (!v.is_string()) return fallback;
  const std::string s = strip(v.string(), nullptr, Sides::both);
  double d = 0;
  const size_t skip = !s.empty() && s[0] == '+' ? 1 : 0;
  const auto parsed = std::from_chars(s.data() + skip, s.data() + s.size(), d);
  return parsed.ec == std::errc() && parsed.ptr == s.data() + s.size() ? Value(d) : fallback;
}

Value tojson(In in, V v, A a) {
  JsonStyle style;
  style.ensure_ascii = a.get_or(0, "ensure_ascii", false).truthy();
  const Value indent = a.get_or(1, "indent", Value());
  if (!indent.is_none()) {
    style.indent = static_cast<int>(std::clamp<int64_t>(whole_of(indent), 0, 64));
    style.item_separator = ",";
  }
  const Value separators = a.get_or(2, "separators", Value());
  if (separators.is_list() && separators.list().items.size() == 2) {
    style.item_separator = text_of(separators.list().items[0]);
    style.key_separator = text_of(separators.list().items[1]);
  }
  style.sort_keys = a.get_or(3, "sort_keys", false).truthy();
  if (v.is_undefined()) fail("Object of type Undefined is not JSON serializable");
  std::string text = to_json(v, style);
  in.check_size(text.size());
  in.step(1 + text.size() / 64);
  return text;
}

Value indent(In in, V v, A a) {
  const Value width = a.get_or(0, "width", int64_t{4});
  const std::string pad = width.is_string()
                              ? width.string()
                              : std::string(static_cast<size_t>(std::clamp<int64_t>(whole_of(width), 0, 1000)), ' ');
  const bool first = a.get_or(1, "first", false).truthy(), blank = a.get_or(2, "blank", false).truthy();
  const std::string text = v.text() + "\n";
  std::string out;
  size_t n = 0;
  for (const std::string& line : split_lines(text, false)) {
    if (n > 0) out += '\n';
    if ((n > 0 || first) && (blank || !line.empty())) out += pad;
    out += line;
    n++;
    in.check_size(out.size());
    in.step(1 + (line.size() + pad.size()) / 64);
  }
  return out;
}

Value escape(In in, V v, A) {
  if (v.is_markup()) return v;
  std::string out = text::escape_html(v.text());
  in.check_size(out.size());
  in.step(1 + out.size() / 64);
  return Value::markup(std::move(out));
}

Value items(In, V v, A) {
  if (v.is_undefined()) return Value::list({});
  if (!v.is_dict()) fail("Can only get item pairs from a mapping.");
  std::vector<Value> out;
  for (const auto& [key, value] : v.dict().entries) out.push_back(Value::list({key, value}, true));
  return Value::list(std::move(out));
}

Value batch(In in, V v, A a) {
  const int64_t n = whole_of(a.get_or(0, "linecount", int64_t{0}));
  if (n <= 0 || n > 1'000'000) fail("batch wants a size of 1 or more");
  const Value* fill = a.get(1, "fill_with");
  std::vector<Value> rows, row;
  for (const Value& item : items_of(in, v)) {
    if (static_cast<int64_t>(row.size()) == n) rows.push_back(Value::list(std::exchange(row, {})));
    row.push_back(item);
  }
  if (row.empty()) return Value::list(std::move(rows));
  while (fill != nullptr && !fill->is_none() && static_cast<int64_t>(row.size()) < n) row.push_back(*fill), in.step();
  rows.push_back(Value::list(std::move(row)));
  return Value::list(std::move(rows));
}

Value slice(In in, V v, A a) {
  const int64_t n = whole_of(a.get_or(0, "slices", int64_t{0}));
  if (n <= 0 || n > 1'000'000) fail("slice wants a number of 1 or more");
  const Value* fill = a.get(1, "fill_with");
  const std::vector<Value> all = items_of(in, v);
  in.step(static_cast<uint64_t>(n));
  const size_t per = all.size() / static_cast<size_t>(n), extra = all.size() % static_cast<size_t>(n);
  std::vector<Value> out;
  for (size_t i = 0, at = 0; i < static_cast<size_t>(n); i++) {
    const size_t size = per + (i < extra ? 1 : 0);
    std::vector<Value> part(all.begin() + static_cast<ptrdiff_t>(at), all.begin() + static_cast<ptrdiff_t>(at + size));
    if (fill != nullptr && !fill->is_none() && i >= extra && extra > 0) part.push_back(*fill);
    at += size;
    out.push_back(Value::list(std::move(part)));
  }
  return Value::list(std::move(out));
}

Value round(In, V v, A a) {
  if (!v.is_number()) fail(fmt::format("round wants a number, got '{}'", v.type_name()));
  const int64_t precision = std::clamp<int64_t>(whole_of(a.get_or(0, "precision", int64_t{0})), -300, 300);
  const std::string method = a.get_or(1, "method", Value("common")).text();
  const double power = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return std::ceil(v.real() * power) / power;
  if (method == "floor") return std::floor(v.real() * power) / power;
  if (method != "common") fail("method must be common, ceil or floor");
  if (v.is_integral() && precision >= 0) return v.integer();
  if (precision <= 0 || precision > 300) return std::nearbyint(v.real() * power) / power;
  // Python rounds the decimal expansion, not a scaled double.
  return std::strtod(fmt::format("{:.{}f}", v.real(), precision).c_str(), nullptr);
}

Value sum(In in, V v, A a) {
  const Value* attribute = a.get(0, "attribute");
  Value total = a.get_or(1, "start", int64_t{0});
  for (const Value& item : items_of(in, v))
    total =
        arithmetic(in, "+", total, attribute != nullptr && !attribute->is_none() ? walk(in, item, *attribute) : item);
  return total;
}

Value extreme(In in, V v, A a, bool largest) {
  const auto all = keyed(in, v, a.get(1, "attribute"), a.get_or(0, "case_sensitive", false).truthy());
  if (all.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const auto* best = &all[0];
  for (const auto& entry : all) {
    const int order = compare(entry.first, best->first);
    if (largest ? order > 0 : order < 0) best = &entry;
  }
  return best->second;
}

Value reverse(In in, V v, A) {
  std::vector<Value> all = items_of(in, v);
  std::ranges::reverse(all);
  if (!v.is_string()) return Value::list(std::move(all));
  std::string out;
  for (const Value& c : all) out += c.string();
  return out;
}

Value truncate(In, V v, A a) {
  const std::string s = v.text();
  const int64_t width = whole_of(a.get_or(0, "length", int64_t{255}));
  const bool kill_words = a.get_or(1, "killwords", false).truthy();
  const std::string end = a.get_or(2, "end", Value("...")).text();
  const int64_t leeway = whole_of(a.get_or(3, "leeway", int64_t{5}));
  const auto all = characters(s);
  const auto n_end = static_cast<int64_t>(length(end));
  if (width < n_end || leeway < 0) fail("truncate: the length is below that of its end");
  if (static_cast<int64_t>(all.size()) - leeway <= width) return s;
  std::string cut;
  for (int64_t i = 0; i < width - n_end; i++) cut += all[static_cast<size_t>(i)];
  if (!kill_words) cut = cut.substr(0, cut.rfind(' '));
  return cut + end;
}

Value replace_filter(In in, V v, A a) {
  Arguments arguments;
  for (const Value* given : {a.get(0, "old"), a.get(1, "new"), a.get(2, "count")})
    if (given != nullptr) arguments.positional.push_back(*given);
  return find_method(in, Value(v.text()), "replace").callable().call(arguments);
}

struct Entry {
  std::string_view name;
  Filter filter;
};

const std::array kFilters{
    Entry{"default", default_filter},
    Entry{"d", default_filter},
    Entry{"join", join},
    Entry{"map", map},
    Entry{"select", [](In in, V v, A a) { return choose(in, v, a, false, true); }},
    Entry{"reject", [](In in, V v, A a) { return choose(in, v, a, false, false); }},
    Entry{"selectattr", [](In in, V v, A a) { return choose(in, v, a, true, true); }},
    Entry{"rejectattr", [](In in, V v, A a) { return choose(in, v, a, true, false); }},
    Entry{"groupby", groupby},
    Entry{"sort", sort},
    Entry{"unique", unique},
    Entry{"dictsort", dictsort},
    Entry{"list", [](In in, V v, A) { return Value::list(items_of(in, v)); }},
    Entry{"length", length_filter},
    Entry{"count", length_filter},
    Entry{"trim",
          [](In, V v, A a) -> Value {
            const Value set = a.get_or(0, "chars", Value());
            if (set.is_none()) return strip(v.text(), nullptr, Sides::both);
            const std::string_view drop = text_of(set);
            return strip(v.text(), &drop, Sides::both);
          }},
    Entry{"upper", [](In, V v, A) -> Value { return to_upper(v.text()); }},
    Entry{"lower", [](In, V v, A) -> Value { return to_lower(v.text()); }},
    Entry{"title", title},
    Entry{"capitalize", [](In, V v, A) -> Value { return to_capitalized(v.text()); }},
    Entry{"replace", replace_filter},
    Entry{"first", [](In, V v, A) { return first_or_last(v, true); }},
    Entry{"last", [](In, V v, A) { return first_or_last(v, false); }},
    Entry{"int", to_int},
    Entry{"float", to_float},
    Entry{"string", [](In, V v, A) -> Value { return v.text(); }},
    Entry{"tojson", tojson},
    Entry{"safe", [](In, V v, A) { return Value::markup(v.text()); }},
    Entry{"escape", escape},
    Entry{"e", escape},
    Entry{"forceescape", escape},
    Entry{"indent", indent},
    Entry{"items", items},
    Entry{"batch", batch},
    Entry{"slice", slice},
    Entry{"round", round},
    Entry{"abs",
          [](In in, V v, A) -> Value {
            if (!v.is_number()) fail(fmt::format("bad operand type for abs(): '{}'", v.type_name()));
            if (v.is_float()) return std::fabs(v.real());
            return v.integer() < 0 ? arithmetic(in, "-", int64_t{0}, v) : Value(v.integer());
          }},
    Entry{"sum", sum},
    Entry{"min", [](In in, V v, A a) { return extreme(in, v, a, false); }},
    Entry{"max", [](In in, V v, A a) { return extreme(in, v, a, true); }},
    Entry{"reverse", reverse},
    Entry{"wordcount", [](In, V v, A) -> Value { return static_cast<int64_t>(split(v.text(), nullptr, -1).size()); }},
    Entry{"attr",
          [](In in, V v, A a) -> Value { return in.lookup(v, Value(a.get_or(0, "name", Value("")).text()), true); }},
    Entry{"format",
          [](In in, V v, A a) -> Value {
            if (a.named.empty()) return percent_format(in, v.text(), Value::list(a.positional, true));
            auto dict = std::make_shared<Dict>();
            for (const auto& [key, value] : a.named) dict->set(Value(key), value);
            return percent_format(in, v.text(), dict);
          }},
    Entry{"truncate", truncate},
    Entry{
        "center",
        [](In in, V v, A a) -> Value {
          return find_method(in, Value(v.text()), "center").callable().call({{a.get_or(0, "width", int64_t{80})}, {}});
        }},
};

}  // namespace

Filter find_filter(std::string_view name) {
  const auto* found = std::ranges::find(kFilters, name, &Entry::name);
  return found == kFilters.end() ? nullptr : found->filter;
}

}  // namespace quipu::chat_template
