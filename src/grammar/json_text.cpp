#include "grammar/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "grammar/json_number.h"

namespace quipu::grammar {

namespace {

// What has to be escaped: controls, the quote, the backslash.
const CharSet& special_chars() {
  static const CharSet set({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}});
  return set;
}

std::string escape(uint32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", c);
  }
}

CharSet all_chars() {
  return CharSet().inverted();
}

void hex_digit(Nfa& nfa, StateId from, std::string_view digits, StateId to) {
  for (const char d : digits) {
    nfa.byte(from, static_cast<uint8_t>(d), static_cast<uint8_t>(d), to);
    if (d >= 'a') nfa.byte(from, static_cast<uint8_t>(d - 32), static_cast<uint8_t>(d - 32), to);
  }
}

}  // namespace

void JsonEncoding::chars(Nfa& nfa, StateId from, const CharSet& set, StateId to) const {
  for (const auto& [first, last] : set.ranges()) {
    uint32_t lo = first;
    for (const auto& [special_lo, special_hi] : special_chars().ranges()) {
      if (special_hi < lo || special_lo > last) continue;
      if (special_lo > lo) nfa.code_points(from, lo, special_lo - 1, to);
      for (uint32_t c = std::max(lo, special_lo); c <= std::min(last, special_hi); ++c) nfa.text(from, escape(c), to);
      lo = special_hi + 1;
    }
    nfa.code_points(from, lo, last, to);
  }
}

std::string json_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || c == '"' || c == '\\')
      result += escape(byte);
    else
      result += c;
  }
  return result;
}

void any_json_char(Nfa& nfa, StateId from, StateId to) {
  const CharSet plain = special_chars().inverted();
  for (const auto& [lo, hi] : plain.ranges()) nfa.code_points(from, lo, hi, to);
  const StateId escaped = nfa.add(), u = nfa.add(), u2 = nfa.add(), u3 = nfa.add(), d = nfa.add(), high = nfa.add();
  nfa.byte(from, '\\', '\\', escaped);
  for (const char c : std::string_view("\"\\/bfnrt")) {
    nfa.byte(escaped, static_cast<uint8_t>(c), static_cast<uint8_t>(c), to);
  }
  nfa.byte(escaped, 'u', 'u', u);
  constexpr std::string_view kHex = "0123456789abcdef";
  const StateId last = nfa.add();
  hex_digit(nfa, u, "0123456789abcef", u2);
  hex_digit(nfa, u2, kHex, u3);
  hex_digit(nfa, u3, kHex, last);
  hex_digit(nfa, last, kHex, to);
  hex_digit(nfa, u, "d", d);
  hex_digit(nfa, d, "01234567", u3);
  hex_digit(nfa, d, "89ab", high);  // a high surrogate: \uD83D\uDE00 is one character
  const StateId h2 = nfa.add(), h3 = nfa.add(), low = nfa.add(), l2 = nfa.add(), l3 = nfa.add(), l4 = nfa.add();
  hex_digit(nfa, high, kHex, h2);
  hex_digit(nfa, h2, kHex, h3);
  nfa.text(h3, "\\u", low);
  hex_digit(nfa, low, "d", l2);
  hex_digit(nfa, l2, "cdef", l3);
  hex_digit(nfa, l3, kHex, l4);
  hex_digit(nfa, l4, kHex, to);
}

Result<JsonSpace> JsonSpace::create(AutomatonBuilder& builder) {
  const RuleId rule = builder.declare("space");
  Nfa nfa;
  StateId from = nfa.add();
  const StateId to = nfa.add(), first = nfa.add();
  nfa.byte(from, '\n', '\n', first);
  from = first;
  // 20 is llama.cpp's bound: without one, a model may indent for ever.
  for (int i = 0; i < 20; ++i) {
    const StateId next = nfa.add();
    nfa.empty(from, to);
    nfa.byte(from, ' ', ' ', next);
    nfa.byte(from, '\t', '\t', next);
    from = next;
  }
  nfa.empty(from, to);
  QUIPU_TRY(Fsa fsa, nfa.determinise(0, to));
  QUIPU_CHECK_OK(builder.define(rule, std::move(fsa)));
  return JsonSpace(rule);
}

void JsonSpace::emit(Nfa& nfa, StateId from, StateId to) const {
  nfa.empty(from, to);
  nfa.byte(from, ' ', ' ', to);
  nfa.call(from, newline_, to);
}

void literal(Nfa& nfa, StateId from, const nlohmann::ordered_json& value, const JsonSpace& space, StateId to) {
  if (value.is_string())
    return nfa.text(from, fmt::format("\"{}\"", json_escaped(value.get_ref<const std::string&>())), to);
  if (value.is_number()) {
    const auto decimal = Decimal::of(value);
    return nfa.text(from, decimal.ok() ? decimal->text() : value.dump(), to);
  }
  if (!value.is_structured()) return nfa.text(from, value.dump(), to);
  const bool is_object = value.is_object();
  const auto then_space = [&](std::string_view text) {
    const StateId before = nfa.add(), after = nfa.add();
    nfa.text(from, text, before);
    space.emit(nfa, before, after);
    from = after;
  };
  then_space(is_object ? "{" : "[");
  bool is_first = true;
  for (const auto& [key, item] : value.items()) {
    if (!is_first) then_space(",");
    is_first = false;
    if (is_object) then_space('"' + json_escaped(key) + "\":");
    const StateId next = nfa.add();
    literal(nfa, from, item, space, next);
    from = next;
  }
  const StateId last = nfa.add();
  space.emit(nfa, from, last);
  nfa.text(last, is_object ? "}" : "]", to);
}

Result<Fsa> strings_of_length(uint32_t least, uint32_t most) {
  Expression repeat{.kind = Expression::Kind::repeat, .least = least, .most = most};
  repeat.children.push_back({.kind = Expression::Kind::chars, .chars = all_chars()});
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add();
  emit(nfa, repeat, from, to, JsonEncoding());
  return nfa.determinise(from, to);
}

// The text is framed: FE text FF. The pattern may stand anywhere between, or take the frame's ends as its ^ and $;
// what took them elsewhere falls out by intersection with all framed texts. Then the frame is removed.
Result<Fsa> strings_matching(std::string_view pattern) {
  QUIPU_TRY(const Expression regex, parse_regex(pattern));
  const JsonEncoding encoding;
  Nfa nfa, framed;
  const StateId from = nfa.add(), to = nfa.add(), before = nfa.add(), inner = nfa.add(), after = nfa.add();
  nfa.byte(from, JsonEncoding::kBegin, JsonEncoding::kBegin, before);
  encoding.chars(nfa, before, all_chars(), before);
  nfa.empty(before, inner);
  nfa.empty(from, inner);
  emit(nfa, regex, inner, after, encoding);
  nfa.empty(after, to);
  const StateId rest = nfa.add();
  nfa.empty(after, rest);
  encoding.chars(nfa, rest, all_chars(), rest);
  nfa.byte(rest, JsonEncoding::kEnd, JsonEncoding::kEnd, to);
  QUIPU_TRY(const Fsa matching, nfa.determinise(from, to));

  const StateId begin = framed.add(), middle = framed.add(), end = framed.add();
  framed.byte(begin, JsonEncoding::kBegin, JsonEncoding::kBegin, middle);
  encoding.chars(framed, middle, all_chars(), middle);
  framed.byte(middle, JsonEncoding::kEnd, JsonEncoding::kEnd, end);
  QUIPU_TRY(const Fsa texts, framed.determinise(begin, end));
  QUIPU_TRY(Fsa fsa, product(matching, texts, ProductKind::both));

  const StateId start = fsa.states.front().bytes.empty() ? 0 : fsa.states.front().bytes.front().target;
  for (Fsa::State& state : fsa.states) {
    const auto is_end = [](const ByteEdge& e) { return e.lo == JsonEncoding::kEnd; };
    state.accepting = std::any_of(state.bytes.begin(), state.bytes.end(), is_end);
    std::erase_if(state.bytes, is_end);
  }
  // The state behind FE becomes the start; no edge leads to the old one, whose place a copy takes.
  fsa.states.front() = start == 0 ? Fsa::State{} : fsa.states[start];
  return trimmed(fsa);
}

}  // namespace quipu::grammar
