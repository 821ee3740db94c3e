// Follows a text through a grammar, token by token, and says which tokens may come next.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "grammar/mask_cache.h"

namespace quipu::grammar {

// One sequence's place in the grammar. Copies go their own ways (clone); for one thread at a time. Matchers of the
// same cache share its masks; keep the cache, as the compiled form of a grammar for a vocabulary.
class Matcher {
 public:
  explicit Matcher(std::shared_ptr<MaskCache> cache);
  // With a cache of its own.
  Matcher(Grammar grammar, std::shared_ptr<const TokenTrie> trie);

  // Sets `mask` [(n_vocab + 31) / 32] to exactly the tokens after which the text can still be completed: bit t % 32 of
  // word t / 32 for token t; end tokens where the text may end. An error if that is none, or if the grammar is too
  // ambiguous: then nothing may be generated.
  Status fill_mask(std::span<uint32_t> mask);
  // Goes on by a token. False, and nothing changes, if it is not allowed, if it is not in the vocabulary, or after an
  // end token.
  bool accept(Token token);
  // The same for bytes, of which only the end may be part of a character.
  bool accept_bytes(std::string_view bytes);
  // Whether the text so far is a whole text of the grammar.
  [[nodiscard]] bool is_accepting() const { return at_end_; }
  // Whether an end token was accepted.
  [[nodiscard]] bool is_finished() const { return finished_; }
  [[nodiscard]] Matcher clone() const { return *this; }

 private:
  std::shared_ptr<MaskCache> cache_;
  Stacks stacks_;
  std::vector<Place> places_;  // after the last byte
  std::vector<Place> closed_;  // and all that is reached from there
  bool at_end_ = false;
  bool finished_ = false;
};

}  // namespace quipu::grammar
