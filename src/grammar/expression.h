// Expressions over characters, as GBNF rules and regular expressions write them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "grammar/fsa.h"

namespace quipu::grammar {

// Ranges of code points, sorted, disjoint, not adjacent.
class CharSet {
 public:
  using Range = std::pair<uint32_t, uint32_t>;
  static constexpr uint32_t kLast = 0x10ffff;

  CharSet() = default;
  explicit CharSet(std::vector<Range> ranges);
  [[nodiscard]] CharSet inverted() const;
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

struct Expression {
  // begin and end are a regular expression's ^ and $.
  enum class Kind : uint8_t { sequence, choice, repeat, chars, rule, begin, end };
  static constexpr uint32_t kUnbounded = UINT32_MAX;

  Kind kind = Kind::sequence;
  std::vector<Expression> children{};  // of sequence (none: empty text), choice, repeat (one)
  uint32_t least = 0, most = 0;        // of repeat
  CharSet chars{};
  RuleId rule = 0;
};

// How a character, or ^ or $, becomes bytes.
class CharEncoding {
 public:
  virtual ~CharEncoding() = default;
  virtual void chars(Nfa& nfa, StateId from, const CharSet& set, StateId to) const = 0;
  virtual void begin(Nfa& nfa, StateId from, StateId to) const = 0;
  virtual void end(Nfa& nfa, StateId from, StateId to) const = 0;
};

// UTF-8. It has no ^ and $: their paths are left out.
class Utf8Encoding : public CharEncoding {
 public:
  void chars(Nfa& nfa, StateId from, const CharSet& set, StateId to) const override;
  void begin(Nfa&, StateId, StateId) const override {}
  void end(Nfa&, StateId, StateId) const override {}
};

// Adds the paths of the expression. Stops early when the Nfa is too_large().
void emit(Nfa& nfa, const Expression& expression, StateId from, StateId to, const CharEncoding& encoding);

}  // namespace quipu::grammar
