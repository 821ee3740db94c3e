#include "grammar/automaton.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quipu::grammar {

namespace {

constexpr size_t kMaxTotalStates = 400'000;
constexpr size_t kMaxTotalWork = 20'000'000;  // some seconds

}  // namespace

RuleId AutomatonBuilder::declare(std::string name) {
  rules_.push_back({std::move(name), {}});
  return static_cast<RuleId>(rules_.size() - 1);
}

Status AutomatonBuilder::define(RuleId rule, Fsa fsa) {
  QUIPU_CHECK(!is_defined(rule) && !fsa.states.empty());
  n_states_ += fsa.states.size();
  if (n_states_ > kMaxTotalStates) {
    return error_of(ErrorKind::limit_exceeded, "the grammar needs more than {} states", kMaxTotalStates);
  }
  n_steps_ += fsa.work;
  if (n_steps_ > kMaxTotalWork) {
    return error_of(ErrorKind::limit_exceeded, "the grammar takes more than {} steps to compile", kMaxTotalWork);
  }
  rules_[rule].fsa = std::move(fsa);
  return {};
}

// A state is productive if it accepts, a byte leads to a productive one, or a call of a productive rule does. Each
// transition is looked at again only when one of the two things it waits for has become productive.
void AutomatonBuilder::drop_unproductive() {
  struct Waiting {
    RuleId rule;
    StateId state;
    RuleId needed;  // the called rule, or `rule` itself for a byte
    StateId target;
    bool is_call;
  };
  std::vector<size_t> first_state(rules_.size() + 1, 0);
  for (size_t r = 0; r < rules_.size(); ++r) first_state[r + 1] = first_state[r] + rules_[r].fsa.states.size();
  std::vector<Waiting> waiting;
  std::vector<std::vector<uint32_t>> waits_for(first_state.back());
  std::vector<char> productive(first_state.back(), 0);
  std::vector<size_t> queue;
  for (RuleId r = 0; r < rules_.size(); ++r) {
    for (StateId s = 0; s < rules_[r].fsa.states.size(); ++s) {
      const Fsa::State& state = rules_[r].fsa.states[s];
      const auto wait = [&](RuleId needed, StateId target, bool is_call) {
        const auto index = static_cast<uint32_t>(waiting.size());
        waiting.push_back({r, s, needed, target, is_call});
        waits_for[first_state[r] + target].push_back(index);
        if (is_call) waits_for[first_state[needed]].push_back(index);
      };
      for (const ByteEdge& e : state.bytes) wait(r, e.target, false);
      for (const CallEdge& e : state.calls) wait(e.rule, e.target, true);
      if (state.accepting) productive[first_state[r] + s] = 1, queue.push_back(first_state[r] + s);
    }
  }
  const auto is_productive = [&](RuleId r, StateId s) { return productive[first_state[r] + s] != 0; };
  while (!queue.empty()) {
    const size_t done = queue.back();
    queue.pop_back();
    for (const uint32_t index : waits_for[done]) {
      const Waiting& w = waiting[index];
      if (is_productive(w.rule, w.state) || !is_productive(w.rule, w.target)) continue;
      if (w.is_call && !is_productive(w.needed, 0)) continue;
      productive[first_state[w.rule] + w.state] = 1;
      queue.push_back(first_state[w.rule] + w.state);
    }
  }
  for (RuleId r = 0; r < rules_.size(); ++r) {
    for (Fsa::State& state : rules_[r].fsa.states) {
      std::erase_if(state.bytes, [&](const ByteEdge& e) { return !is_productive(r, e.target); });
      std::erase_if(state.calls,
                    [&](const CallEdge& e) { return !is_productive(r, e.target) || !is_productive(e.rule, 0); });
    }
  }
}

// Rules with an empty text: a path of calls of such rules from the start to an accepting state.
std::vector<char> AutomatonBuilder::nullable_rules() const {
  std::vector<char> nullable(rules_.size(), 0);
  std::vector<std::vector<std::pair<RuleId, StateId>>> stopped_at(rules_.size());  // by the called rule
  std::vector<std::vector<char>> reached(rules_.size());
  std::vector<std::pair<RuleId, StateId>> queue;
  const auto reach = [&](RuleId r, StateId s) {
    if (!reached[r][s]) reached[r][s] = 1, queue.emplace_back(r, s);
  };
  for (RuleId r = 0; r < rules_.size(); ++r) reached[r].resize(rules_[r].fsa.states.size()), reach(r, 0);
  while (!queue.empty()) {
    const auto [r, s] = queue.back();
    queue.pop_back();
    const Fsa::State& state = rules_[r].fsa.states[s];
    for (const CallEdge& e : state.calls) {
      if (nullable[e.rule])
        reach(r, e.target);
      else
        stopped_at[e.rule].emplace_back(r, e.target);
    }
    if (state.accepting && !nullable[r]) {
      nullable[r] = 1;
      for (const auto& [caller, target] : stopped_at[r]) reach(caller, target);
    }
  }
  return nullable;
}

Status AutomatonBuilder::check_left_recursion() const {
  const std::vector<char> nullable = nullable_rules();
  std::vector<std::vector<RuleId>> first_calls(rules_.size());
  for (RuleId r = 0; r < rules_.size(); ++r) {
    std::vector<char> reached(rules_[r].fsa.states.size(), 0);
    std::vector<StateId> queue{0};
    reached[0] = 1;
    while (!queue.empty()) {
      const StateId s = queue.back();
      queue.pop_back();
      for (const CallEdge& e : rules_[r].fsa.states[s].calls) {
        first_calls[r].push_back(e.rule);
        if (nullable[e.rule] && !reached[e.target]) reached[e.target] = 1, queue.push_back(e.target);
      }
    }
  }
  enum : char { fresh, open, closed };
  std::vector<char> colour(rules_.size(), fresh);
  std::vector<std::pair<RuleId, size_t>> path;  // a rule and how many of its calls were followed
  for (RuleId root = 0; root < rules_.size(); ++root) {
    if (colour[root] != fresh) continue;
    path.emplace_back(root, 0);
    colour[root] = open;
    while (!path.empty()) {
      const RuleId r = path.back().first;
      if (path.back().second == first_calls[r].size()) {
        colour[r] = closed;
        path.pop_back();
        continue;
      }
      const RuleId next = first_calls[r][path.back().second++];
      if (colour[next] == open) {
        return invalid_input(
            "{} begins with itself (left recursion): put something in front, or write it as a repetition",
            rules_[next].name);
      }
      if (colour[next] == fresh) colour[next] = open, path.emplace_back(next, 0);
    }
  }
  return {};
}

Result<Automaton> AutomatonBuilder::finish(RuleId root) {
  for (const Rule& rule : rules_) QUIPU_CHECK(!rule.fsa.states.empty());
  drop_unproductive();
  QUIPU_CHECK_OK(check_left_recursion());
  const Fsa::State& first = rules_[root].fsa.states[0];
  if (!first.accepting && first.bytes.empty() && first.calls.empty()) {
    return invalid_input("no text at all satisfies {}", rules_[root].name);
  }
  Automaton a;
  a.root_ = root;
  for (const Rule& rule : rules_) {
    const auto base = static_cast<StateId>(a.states_.size());
    a.rule_start_.push_back(base);
    for (const Fsa::State& s : rule.fsa.states) {
      a.states_.push_back(
          {static_cast<uint32_t>(a.bytes_.size()), static_cast<uint32_t>(a.calls_.size()), s.accepting});
      for (const ByteEdge& e : s.bytes) a.bytes_.push_back({e.lo, e.hi, base + e.target});
      for (const CallEdge& e : s.calls) a.calls_.push_back({e.rule, base + e.target});
    }
  }
  a.states_.push_back({static_cast<uint32_t>(a.bytes_.size()), static_cast<uint32_t>(a.calls_.size()), false});
  return a;
}

}  // namespace quipu::grammar
