#include "grammar/matcher.h"

#include <algorithm>

#include "base/check.h"

namespace quipu::grammar {

Matcher::Matcher(std::shared_ptr<MaskCache> cache) : cache_(std::move(cache)), stacks_(cache_->grammar().automaton()) {
  places_.push_back({cache_->grammar().automaton().start(), Stacks::kBottom});
  closed_ = places_;
  if (!stacks_.close(closed_, at_end_).ok()) places_.clear(), closed_.clear(), at_end_ = false;
}

Matcher::Matcher(Grammar grammar, std::shared_ptr<const TokenTrie> trie)
    : Matcher(std::make_shared<MaskCache>(std::move(grammar), std::move(trie))) {}

Status Matcher::fill_mask(std::span<uint32_t> mask) {
  const TokenTrie& trie = cache_->trie();
  QUIPU_CHECK(mask.size() == (trie.n_vocab() + 31) / 32);
  std::fill(mask.begin(), mask.end(), 0);
  if (!finished_) {
    for (const Place& place : places_) QUIPU_CHECK_OK(cache_->add_tokens(stacks_, place, mask));
    if (at_end_) {
      for (const Token t : trie.end_tokens()) mask[static_cast<size_t>(t) / 32] |= 1u << (t % 32);
    }
  }
  if (std::all_of(mask.begin(), mask.end(), [](uint32_t word) { return word == 0; })) {
    return error_of(ErrorKind::unsupported, "no token can come: {}",
                    finished_ ? "the grammar's text has ended" : "the vocabulary lacks what the grammar asks for");
  }
  return {};
}

bool Matcher::accept(Token token) {
  const TokenTrie& trie = cache_->trie();
  if (finished_ || token < 0 || static_cast<size_t>(token) >= trie.n_vocab()) return false;
  if (trie.is_end(token)) {
    finished_ = at_end_;
    return finished_;
  }
  return !trie.bytes(token).empty() && accept_bytes(trie.bytes(token));
}

bool Matcher::accept_bytes(std::string_view bytes) {
  if (finished_) return false;
  std::vector<Place> places = places_, closed = closed_;
  bool at_end = at_end_;
  for (const char c : bytes) {
    stacks_.step(closed, static_cast<uint8_t>(c), places);
    if (places.empty()) return false;
    closed = places;
    if (!stacks_.close(closed, at_end).ok()) return false;
  }
  places_ = std::move(places);
  closed_ = std::move(closed);
  at_end_ = at_end;
  return true;
}

}  // namespace quipu::grammar
