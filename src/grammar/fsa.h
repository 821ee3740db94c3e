// Finite automata over bytes and calls of rules: what a rule of a grammar is made of.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu::grammar {

using StateId = uint32_t;
using RuleId = uint32_t;

// A transition on any byte from lo to hi.
struct ByteEdge {
  uint8_t lo, hi;
  StateId target;
};
// A transition on a text of the rule.
struct CallEdge {
  RuleId rule;
  StateId target;
};

// Deterministic in its labels: no byte and no rule leads to two states. State 0 is the start; edges are sorted.
struct Fsa {
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<CallEdge> calls;
    bool accepting = false;
  };
  std::vector<State> states;
  size_t work = 0;  // steps that making it took: for budgets
};

// The most states of one rule, nondeterministic or not: bounds time and memory of {n,m} and of subset construction.
inline constexpr size_t kMaxStates = 100'000;

// Under construction: Thompson's automaton with empty transitions. Operations insert paths between two states.
class Nfa {
 public:
  // Beyond kMaxStates the last state comes again and too_large() holds: loops that add states must ask it.
  StateId add();
  void empty(StateId from, StateId to) { states_[from].empties.push_back(to); }
  void byte(StateId from, uint8_t lo, uint8_t hi, StateId to) { states_[from].bytes.push_back({lo, hi, to}); }
  void call(StateId from, RuleId rule, StateId to) { states_[from].calls.push_back({rule, to}); }
  void text(StateId from, std::string_view bytes, StateId to);
  // The UTF-8 of the scalar values from lo to hi (surrogates are left out).
  void code_points(StateId from, uint32_t lo, uint32_t hi, StateId to);
  void insert(const Fsa& fsa, StateId from, StateId to);

  [[nodiscard]] bool too_large() const { return states_.size() >= kMaxStates; }
  // Subset construction from `start` to `accept`; states from which `accept` cannot be reached are left out.
  [[nodiscard]] Result<Fsa> determinise(StateId start, StateId accept) const;

 private:
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<CallEdge> calls;
    std::vector<StateId> empties;
  };
  friend class SubsetConstruction;
  std::vector<State> states_;
};

enum class ProductKind : uint8_t { both, first_only };

// Texts of a that are (both) or are not (first_only) texts of b. Neither may have calls.
Result<Fsa> product(const Fsa& a, const Fsa& b, ProductKind kind);
// Whether the Fsa, which must have no calls, accepts the bytes.
bool accepts(const Fsa& fsa, std::string_view bytes);
// Without the states that no accepting state can be reached from; the start stays.
Fsa trimmed(const Fsa& fsa);
// An Fsa that accepts nothing.
bool is_empty(const Fsa& fsa);

}  // namespace quipu::grammar
