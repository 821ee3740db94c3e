// Which tokens may come next, computed once for each situation of a grammar and shared by all who follow it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "grammar/grammar.h"
#include "grammar/stacks.h"
#include "grammar/token_trie.h"

namespace quipu::grammar {

// A situation is the top of a stack: a state and, as far down as matters, the states to return to. For the state
// alone, the trie is walked with an unknown stack below: the tokens that end inside its rule are found once and for
// all; where the rule ends within a token, the node of the trie is noted. Those nodes are walked on for each state to
// return to that turns up, and so on downwards, until no token reaches further. So a mask costs a few look-ups and
// one union, however deep the stack. (The idea of "context-independent tokens" is that of XGrammar, Dong et al. 2024.)
//
// From any thread; a lock is held while masks are made.
class MaskCache {
 public:
  MaskCache(Grammar grammar, std::shared_ptr<const TokenTrie> trie);

  ~MaskCache();

  // Adds to `mask` (n_vocab bits) the tokens that can come at `place`.
  Status add_tokens(const Stacks& stacks, Place place, std::span<uint32_t> mask);

  [[nodiscard]] const Grammar& grammar() const { return grammar_; }
  [[nodiscard]] const TokenTrie& trie() const { return *trie_; }

 private:
  struct Situation {
    // The allowed tokens, as bits or, where they are few, as a list.
    std::vector<uint32_t> bits;
    std::vector<Token> list;
    std::vector<uint32_t> open_nodes;  // of the trie, where the rules above end: what comes then depends on the stack
    std::unordered_map<StateId, std::unique_ptr<Situation>> below;
  };
  struct Walk;
  static void add_to(std::span<uint32_t> mask, const Situation& situation);
  Result<Situation*> make(const Situation* above, StateId state);
  Status walk_on(Walk& walk, uint32_t node);

  Grammar grammar_;
  std::shared_ptr<const TokenTrie> trie_;
  std::mutex mutex_;
  std::unordered_map<StateId, std::unique_ptr<Situation>> by_state_;
  size_t bytes_used_ = 0;
};

}  // namespace quipu::grammar
