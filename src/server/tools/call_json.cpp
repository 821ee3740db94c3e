#include "server/tools/call_json.h"

#include <algorithm>

namespace quipu::server {
namespace {

// Of what is held back until it is clear whether it is a call.
constexpr size_t kMostHeld = 1U << 20;

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// The text of a JSON string, or nothing.
std::optional<std::string> decoded(const std::string& raw) {
  const Json json = Json::parse(raw, nullptr, false);
  if (!json.is_string()) return std::nullopt;
  return json.get<std::string>();
}

}  // namespace

CallJson::State CallJson::push(std::string_view text, size_t* n_taken, ToolEvents& events) {
  State state = State::more;
  size_t i = 0;
  for (; i < text.size() && state == State::more; i++) {
    state = step(text[i], events);
    if (!committed_ && ++n_held_ > kMostHeld) state = State::broken;
  }
  *n_taken = i;
  if (committed_ && !arguments_.empty()) {
    events.on_arguments(arguments_);
    arguments_.clear();
  }
  if (state == State::done) events.on_call_end();
  return state;
}

bool CallJson::choose_role() {
  const auto key = decoded(key_);
  if (!key) return false;
  const bool first = !has_name_ && !has_arguments_;
  role_ = Role::other;
  if (*key == "name" && !has_name_) role_ = Role::name;
  if ((*key == "arguments" || *key == "parameters") && !has_arguments_) role_ = Role::arguments;
  return role_ != Role::other || !strict_ || !first || *key == "type" || *key == "id";
}

void CallJson::commit(ToolEvents& events) {
  if (committed_ || !has_name_) return;
  committed_ = true;
  events.on_call(name_);
}

void CallJson::take_argument(char c) {
  if (role_ == Role::arguments) arguments_ += c;
}

CallJson::State CallJson::begin_value(char c) {
  value_.clear();
  if (c == '"') {
    value_ = c;
    at_ = At::in_text;
    return State::more;
  }
  if (c == '{' || c == '[') {
    if (role_ == Role::name || (role_ == Role::arguments && c == '[')) return State::broken;
    depth_ = 1;
    at_ = At::in_nested;
    take_argument(c);
    return State::more;
  }
  if (role_ == Role::name) return State::broken;
  value_ = c;
  at_ = At::in_scalar;
  return State::more;
}

// `value_` holds a text or a scalar; a nested value is in arguments_ already.
CallJson::State CallJson::end_value(ToolEvents& events) {
  if (role_ == Role::name) {
    const auto name = decoded(value_);
    if (!name || std::ranges::find(names_, *name) == names_.end()) return State::broken;
    name_ = *name;
    has_name_ = true;
    if (has_arguments_) commit(events);
  } else if (role_ == Role::arguments) {
    if (!value_.empty()) {
      // A text that holds the arguments, or null for none.
      const auto text = decoded(value_);
      const Json inner = Json::parse(text ? *text : value_, nullptr, false);
      if (!inner.is_object() && !inner.is_null()) return State::broken;
      arguments_ = inner.is_null() ? "{}" : *text;
    }
    has_arguments_ = true;
    commit(events);
  }
  return State::more;
}

CallJson::State CallJson::end_object(ToolEvents& events) {
  if (!has_name_ || (strict_ && !has_arguments_)) return State::broken;
  commit(events);
  if (!has_arguments_) arguments_ = "{}";
  return State::done;
}

CallJson::State CallJson::step(char c, ToolEvents& events) {
  switch (at_) {
    case At::start:
      if (is_space(c)) return State::more;
      at_ = At::first_key;
      return c == '{' ? State::more : State::broken;
    case At::first_key:
    case At::key:
      if (is_space(c)) return State::more;
      if (c == '}' && at_ == At::first_key) return end_object(events);
      if (c != '"') return State::broken;
      key_ = c;
      at_ = At::in_key;
      return State::more;
    case At::in_key:
    case At::in_text: {
      std::string& text = at_ == At::in_key ? key_ : value_;
      text += c;
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        if (at_ == At::in_key) {
          at_ = At::colon;
          return choose_role() ? State::more : State::broken;
        }
        at_ = At::after_value;
        return end_value(events);
      }
      return State::more;
    }
    case At::colon:
      if (is_space(c)) return State::more;
      at_ = At::value;
      return c == ':' ? State::more : State::broken;
    case At::value:
      if (is_space(c)) return State::more;
      if (c == '{' && role_ == Role::arguments) commit(events);
      return begin_value(c);
    case At::in_nested:
      take_argument(c);
      if (escaped_) {
        escaped_ = false;
      } else if (in_inner_text_) {
        if (c == '\\') escaped_ = true;
        if (c == '"') in_inner_text_ = false;
      } else if (c == '"') {
        in_inner_text_ = true;
      } else if (c == '{' || c == '[') {
        depth_++;
      } else if ((c == '}' || c == ']') && --depth_ == 0) {
        at_ = At::after_value;
        return end_value(events);
      }
      return State::more;
    case At::in_scalar:
      if (!is_space(c) && c != ',' && c != '}') {
        value_ += c;
        return value_.size() > 64 ? State::broken : State::more;
      }
      at_ = At::after_value;
      if (const State state = end_value(events); state != State::more) return state;
      [[fallthrough]];
    case At::after_value:
      if (is_space(c)) return State::more;
      if (c == '}') return end_object(events);
      at_ = At::key;
      return c == ',' ? State::more : State::broken;
  }
  return State::broken;
}

}  // namespace quipu::server
