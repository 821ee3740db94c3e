#include <algorithm>

#include "template/value.h"

namespace quipu::chat_template {
namespace {

constexpr size_t kMaxJsonBytes = 64u << 20;

class Writer {
 public:
  explicit Writer(const JsonStyle& style) : style_(style) {}
  std::string out;

  void value(const Value& v, uint32_t depth) {
    if (out.size() > kMaxJsonBytes || depth > kMaxNesting) fail_limit("tojson: the value is too large");
    if (v.is_none()) {
      out += "null";
    } else if (v.is_bool()) {
      out += v.integer() != 0 ? "true" : "false";
    } else if (v.is_float()) {
      const std::string text = float_text(v.real());
      out += text == "nan" ? "NaN" : text == "inf" ? "Infinity" : text == "-inf" ? "-Infinity" : text;
    } else if (v.is_int()) {
      out += v.text();
    } else if (v.is_string()) {
      string(v.string());
    } else if (v.is_list() && !v.list().is_generator) {
      items(v.list(), depth);
    } else if (v.is_dict() && !v.is_namespace()) {
      entries(v.dict(), depth);
    } else {
      fail(fmt::format("Object of type {} is not JSON serializable", v.type_name()));
    }
  }

 private:
  void line(uint32_t depth) {
    if (style_.indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(style_.indent) * depth, ' ');
  }

  void separator() { out += style_.item_separator; }

  void items(const List& list, uint32_t depth) {
    out += '[';
    for (size_t i = 0; i < list.items.size(); i++) {
      if (i > 0) separator();
      line(depth + 1);
      value(list.items[i], depth + 1);
    }
    if (!list.items.empty()) line(depth);
    out += ']';
  }

  void entries(const Dict& dict, uint32_t depth) {
    std::vector<const std::pair<Value, Value>*> order;
    for (const auto& entry : dict.entries) order.push_back(&entry);
    if (style_.sort_keys)
      std::ranges::stable_sort(order, [](const auto* a, const auto* b) { return compare(a->first, b->first) < 0; });
    out += '{';
    for (size_t i = 0; i < order.size(); i++) {
      if (i > 0) separator();
      line(depth + 1);
      key(order[i]->first);
      out += style_.key_separator;
      value(order[i]->second, depth + 1);
    }
    if (!order.empty()) line(depth);
    out += '}';
  }

  void key(const Value& k) {
    if (k.is_string()) return string(k.string());
    if (k.is_none()) return string("null");
    if (k.is_bool()) return string(k.integer() != 0 ? "true" : "false");
    if (k.is_number()) return string(k.text());
    fail(fmt::format("keys must be str, int, float, bool or None, not {}", k.type_name()));
  }

  void string(const std::string& s) {
    const auto handler = Json::error_handler_t::replace;
    out += Json(s).dump(-1, ' ', style_.ensure_ascii, handler);
  }

  const JsonStyle& style_;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style) {
  Writer writer(style);
  writer.value(value, 0);
  return std::move(writer.out);
}

}  // namespace quipu::chat_template
