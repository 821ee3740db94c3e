#include "grammar/expression.h"

#include <algorithm>

namespace quipu::grammar {

CharSet::CharSet(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  for (const auto& [lo, hi] : ranges) {
    if (!ranges_.empty() && lo <= ranges_.back().second + 1) {
      ranges_.back().second = std::max(ranges_.back().second, hi);
    } else {
      ranges_.emplace_back(lo, hi);
    }
  }
}

CharSet CharSet::inverted() const {
  std::vector<Range> gaps;
  uint32_t next = 0;
  for (const auto& [lo, hi] : ranges_) {
    if (lo > next) gaps.emplace_back(next, lo - 1);
    next = hi + 1;
  }
  if (next <= kLast) gaps.emplace_back(next, kLast);
  return CharSet(std::move(gaps));
}

void Utf8Encoding::chars(Nfa& nfa, StateId from, const CharSet& set, StateId to) const {
  for (const auto& [lo, hi] : set.ranges()) nfa.code_points(from, lo, hi, to);
}

namespace {

void emit_repeat(Nfa& nfa, const Expression& repeat, StateId from, StateId to, const CharEncoding& encoding) {
  const Expression& child = repeat.children.front();
  for (uint32_t i = 0; i < repeat.least && !nfa.too_large(); ++i) {
    const StateId next = nfa.add();
    emit(nfa, child, from, next, encoding);
    from = next;
  }
  if (repeat.most == Expression::kUnbounded) {
    const StateId loop = nfa.add();
    nfa.empty(from, loop);
    emit(nfa, child, loop, loop, encoding);
    nfa.empty(loop, to);
    return;
  }
  for (uint32_t i = repeat.least; i < repeat.most && !nfa.too_large(); ++i) {
    const StateId next = nfa.add();
    nfa.empty(from, to);
    emit(nfa, child, from, next, encoding);
    from = next;
  }
  nfa.empty(from, to);
}

}  // namespace

void emit(Nfa& nfa, const Expression& expression, StateId from, StateId to, const CharEncoding& encoding) {
  using Kind = Expression::Kind;
  if (nfa.too_large()) return;
  switch (expression.kind) {
    case Kind::sequence:
      for (const Expression& child : expression.children) {
        const StateId next = nfa.add();
        emit(nfa, child, from, next, encoding);
        from = next;
      }
      return nfa.empty(from, to);
    case Kind::choice:
      for (const Expression& child : expression.children) {
        // Own states, so that a loop inside a branch does not reach the others.
        const StateId first = nfa.add(), last = nfa.add();
        nfa.empty(from, first);
        emit(nfa, child, first, last, encoding);
        nfa.empty(last, to);
      }
      return;
    case Kind::repeat: {
      const StateId first = nfa.add(), last = nfa.add();
      nfa.empty(from, first);
      emit_repeat(nfa, expression, first, last, encoding);
      return nfa.empty(last, to);
    }
    case Kind::chars:
      return encoding.chars(nfa, from, expression.chars, to);
    case Kind::rule:
      return nfa.call(from, expression.rule, to);
    case Kind::begin:
      return encoding.begin(nfa, from, to);
    case Kind::end:
      return encoding.end(nfa, from, to);
  }
}

}  // namespace quipu::grammar
