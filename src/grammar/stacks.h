// All ways at once in which a text can be followed through an automaton: a set of states, each with a stack of the
// states to return to. Stacks that end alike share memory.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "grammar/automaton.h"

namespace quipu::grammar {

using StackId = uint32_t;

struct Place {
  StateId state;
  StackId stack;
  bool operator==(const Place&) const = default;
  bool operator<(const Place& other) const { return state != other.state ? state < other.state : stack < other.stack; }
};

// For one thread. Holds a pointer to the automaton.
class Stacks {
 public:
  static constexpr StackId kBottom = 0;

  explicit Stacks(const Automaton& automaton) : automaton_(&automaton) { nodes_.push_back({kBottom, 0}); }

  // What is under the top of a stack, which must not be kBottom.
  [[nodiscard]] StackId below(StackId stack) const { return nodes_[stack].below; }
  [[nodiscard]] StateId returns_to(StackId stack) const { return nodes_[stack].state; }

  // Adds to `places` all that is reached by entering and leaving rules. `at_bottom`: whether the end of the rule at
  // the bottom was reached. An error if there are too many ways.
  Status close(std::vector<Place>& places, bool& at_bottom);
  // The places after the byte, sorted, without duplicates; `closed` was made by close(). Empty: the byte cannot come.
  void step(const std::vector<Place>& closed, uint8_t byte, std::vector<Place>& next) const;

 private:
  struct Node {
    StackId below;
    StateId state;
  };
  StackId push(StackId below, StateId state);

  const Automaton* automaton_;
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, StackId> ids_;
};

}  // namespace quipu::grammar
