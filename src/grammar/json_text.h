// How JSON values stand in a text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "grammar/automaton.h"
#include "grammar/expression.h"

namespace quipu::grammar {

// Characters inside a JSON string in their only canonical form: themselves, but \" \\ \b \f \n \r \t and \u00xx for
// other control characters. One text for one character, so that automata of such texts can be intersected and
// subtracted. The bytes FE and FF, which no UTF-8 holds, mark ^ and $.
class JsonEncoding : public CharEncoding {
 public:
  static constexpr uint8_t kBegin = 0xfe, kEnd = 0xff;
  void chars(Nfa& nfa, StateId from, const CharSet& set, StateId to) const override;
  void begin(Nfa& nfa, StateId from, StateId to) const override { nfa.byte(from, kBegin, kBegin, to); }
  void end(Nfa& nfa, StateId from, StateId to) const override { nfa.byte(from, kEnd, kEnd, to); }
};

// The canonical form of the characters of a string, without quotes.
std::string json_escaped(std::string_view text);

// Any character of a JSON string in any of its forms; escaped surrogates only in pairs.
void any_json_char(Nfa& nfa, StateId from, StateId to);

// What may stand between the tokens of JSON: nothing, a space, or a newline and up to 20 blanks.
class JsonSpace {
 public:
  static Result<JsonSpace> create(AutomatonBuilder& builder);
  void emit(Nfa& nfa, StateId from, StateId to) const;

 private:
  explicit JsonSpace(RuleId newline) : newline_(newline) {}
  RuleId newline_;
};

// The value as it is, with space as everywhere.
void literal(Nfa& nfa, StateId from, const nlohmann::ordered_json& value, const JsonSpace& space, StateId to);

// Canonical strings (without quotes) in which an ECMA-262 regular expression (as with its flag `u`) matches.
// Lookarounds, back references, \b and \p are ErrorKind::unsupported.
Result<Fsa> strings_matching(std::string_view pattern);
// Canonical strings of `least` to `most` characters (Expression::kUnbounded: no limit).
Result<Fsa> strings_of_length(uint32_t least, uint32_t most);
// A regular expression, before it gets an encoding.
Result<Expression> parse_regex(std::string_view pattern);

}  // namespace quipu::grammar
