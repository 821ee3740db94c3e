// A grammar ready to be followed: the automata of all its rules, one after the other.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "grammar/fsa.h"

namespace quipu::grammar {

// Every state can reach the end of its rule through texts that exist, and no rule calls itself before it has
// consumed a byte: following it always ends.
class Automaton {
 public:
  [[nodiscard]] StateId start() const { return rule_start_[root_]; }
  [[nodiscard]] StateId start_of(RuleId rule) const { return rule_start_[rule]; }
  [[nodiscard]] std::span<const ByteEdge> bytes(StateId s) const {
    return std::span(bytes_).subspan(states_[s].first_byte, states_[s + 1].first_byte - states_[s].first_byte);
  }
  [[nodiscard]] std::span<const CallEdge> calls(StateId s) const {
    return std::span(calls_).subspan(states_[s].first_call, states_[s + 1].first_call - states_[s].first_call);
  }
  [[nodiscard]] bool accepting(StateId s) const { return states_[s].accepting; }
  // Accepting and nothing more to come: a caller need not remember to return here.
  [[nodiscard]] bool is_end(StateId s) const { return accepting(s) && bytes(s).empty() && calls(s).empty(); }
  [[nodiscard]] size_t n_states() const { return states_.size() - 1; }

 private:
  friend class AutomatonBuilder;
  struct State {
    uint32_t first_byte, first_call;
    bool accepting;
  };
  std::vector<State> states_;  // one more at the end, for its offsets
  std::vector<ByteEdge> bytes_;
  std::vector<CallEdge> calls_;
  std::vector<StateId> rule_start_;
  RuleId root_ = 0;
};

class AutomatonBuilder {
 public:
  // A rule to be defined later. `name` is for messages.
  RuleId declare(std::string name);
  // Beyond the limits on the states of all rules and on the work for them: an error.
  Status define(RuleId rule, Fsa fsa);
  [[nodiscard]] bool is_defined(RuleId rule) const { return !rules_[rule].fsa.states.empty(); }
  [[nodiscard]] const std::string& name(RuleId rule) const { return rules_[rule].name; }
  [[nodiscard]] size_t n_rules() const { return rules_.size(); }

  // Drops what can never be completed. An error if a rule can call itself without consuming anything (left
  // recursion), or if `root` has no text at all. Every rule must be defined.
  Result<Automaton> finish(RuleId root);

 private:
  struct Rule {
    std::string name;
    Fsa fsa;
  };
  std::vector<Rule> rules_;
  size_t n_states_ = 0;
  size_t n_steps_ = 0;

  void drop_unproductive();
  [[nodiscard]] std::vector<char> nullable_rules() const;
  [[nodiscard]] Status check_left_recursion() const;
};

}  // namespace quipu::grammar
