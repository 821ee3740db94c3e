#include "grammar/mask_cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <utility>

namespace quipu::grammar {

namespace {

// When the masks take more, all are dropped and made anew as they are needed.
constexpr size_t kMaxBytes = size_t{128} << 20;
// Sets of places met in one walk: bounds the time of a mask for a grammar made to be ambiguous.
constexpr size_t kMaxSets = 50'000;

// Where rules end at a node and again below it, the nodes below are walked twice.
void sort_unique(std::vector<uint32_t>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

// The automaton of sets of places, made deterministic as far as a walk needs it.
struct MaskCache::Walk {
  static constexpr uint32_t kUnknown = UINT32_MAX - 2;
  struct Set {
    std::vector<Place> closed;
    bool at_bottom = false;
    std::array<uint32_t, 256> next;  // kUnknown: not looked at yet
  };
  explicit Walk(const Automaton& automaton) : stacks(automaton) {}

  Result<uint32_t> index_of(const std::vector<Place>& places) {
    const auto [it, is_new] = indices.try_emplace(places, static_cast<uint32_t>(sets.size()));
    if (!is_new) return it->second;
    if (sets.size() >= kMaxSets) {
      return error_of(ErrorKind::limit_exceeded, "the next token needs more than {} states of the grammar", kMaxSets);
    }
    Set& set = *sets.emplace_back(std::make_unique<Set>());
    set.next.fill(kUnknown);
    set.closed = places;
    QUIPU_CHECK_OK(stacks.close(set.closed, set.at_bottom));
    return it->second;
  }
  // The set after the byte; kNone if it cannot come; kFailed, with the reason in `failure`, if there are too many. No
  // Result here: this is called for every node of the trie.
  static constexpr uint32_t kNone = UINT32_MAX, kFailed = UINT32_MAX - 1;
  uint32_t step(uint32_t set, uint8_t byte) {
    const uint32_t known = sets[set]->next[byte];
    return known != kUnknown ? known : first_step(set, byte);
  }
  uint32_t first_step(uint32_t set, uint8_t byte) {
    stacks.step(sets[set]->closed, byte, scratch);
    if (scratch.empty()) return sets[set]->next[byte] = kNone;
    const auto index = index_of(scratch);
    if (!index.ok()) {
      failure = index.error();
      return kFailed;
    }
    return sets[set]->next[byte] = *index;
  }

  Status failure;
  Stacks stacks;
  std::vector<std::unique_ptr<Set>> sets;
  std::map<std::vector<Place>, uint32_t> indices;
  std::vector<Place> scratch;
  std::vector<uint32_t> set_at_depth;
  std::vector<uint32_t> allowed;  // as bits
  std::vector<uint32_t> open_nodes;
};

MaskCache::~MaskCache() = default;

MaskCache::MaskCache(Grammar grammar, std::shared_ptr<const TokenTrie> trie)
    : grammar_(std::move(grammar)), trie_(std::move(trie)) {}

void MaskCache::add_to(std::span<uint32_t> mask, const Situation& situation) {
  for (size_t w = 0; w < situation.bits.size(); ++w) mask[w] |= situation.bits[w];
  for (const Token t : situation.list) mask[static_cast<size_t>(t) / 32] |= 1u << (t % 32);
}

// Walks the descendants of `node`, at which the places are set 0 of the walk.
Status MaskCache::walk_on(Walk& walk, uint32_t node) {
  const auto nodes = trie_->nodes();
  const size_t depth = nodes[node].depth;
  walk.set_at_depth.assign(1, 0);
  if (walk.sets[0]->at_bottom) walk.open_nodes.push_back(node);
  for (uint32_t i = node + 1; i < nodes[node].end;) {
    const size_t d = nodes[i].depth - depth;
    if (walk.set_at_depth.size() <= d) walk.set_at_depth.resize(d + 1);
    const uint32_t set = walk.step(walk.set_at_depth[d - 1], nodes[i].byte);
    if (set == Walk::kFailed) return walk.failure;
    if (set == Walk::kNone) {
      i = nodes[i].end;
      continue;
    }
    walk.set_at_depth[d] = set;
    for (const Token t : trie_->tokens(i)) walk.allowed[static_cast<size_t>(t) / 32] |= 1u << (t % 32);
    if (walk.sets[set]->at_bottom && nodes[i].end > i + 1) walk.open_nodes.push_back(i);
    ++i;
  }
  return {};
}

// The situation `state` alone, or with `above` on top of it.
Result<MaskCache::Situation*> MaskCache::make(const Situation* above, StateId state) {
  Walk walk(grammar_.automaton());
  QUIPU_TRY([[maybe_unused]] const uint32_t start, walk.index_of({{state, Stacks::kBottom}}));
  walk.allowed.assign((trie_->n_vocab() + 31) / 32, 0);
  if (above != nullptr) add_to(walk.allowed, *above);
  if (above == nullptr) {
    QUIPU_CHECK_OK(walk_on(walk, 0));
  } else {
    for (const uint32_t node : above->open_nodes) QUIPU_CHECK_OK(walk_on(walk, node));
  }
  sort_unique(walk.open_nodes);
  auto situation = std::make_unique<Situation>();
  size_t n_allowed = 0;
  for (const uint32_t word : walk.allowed) n_allowed += static_cast<size_t>(std::popcount(word));
  if (n_allowed > walk.allowed.size()) {
    situation->bits = std::move(walk.allowed);
  } else {
    situation->list.reserve(n_allowed);
    for (size_t w = 0; w < walk.allowed.size(); ++w) {
      for (uint32_t word = walk.allowed[w]; word != 0; word &= word - 1) {
        situation->list.push_back(static_cast<Token>(32 * w) + std::countr_zero(word));
      }
    }
  }
  situation->open_nodes = std::move(walk.open_nodes);
  bytes_used_ +=
      sizeof(Situation) + 4 * (situation->bits.size() + situation->list.size() + situation->open_nodes.size());
  return situation.release();
}

Status MaskCache::add_tokens(const Stacks& stacks, Place place, std::span<uint32_t> mask) {
  const std::lock_guard lock(mutex_);
  if (bytes_used_ > kMaxBytes) by_state_.clear(), bytes_used_ = 0;
  auto* level = &by_state_;
  const Situation* situation = nullptr;
  for (;;) {
    std::unique_ptr<Situation>& next = (*level)[place.state];
    if (next == nullptr) {
      auto made = make(situation, place.state);
      if (!made.ok()) return made.error();
      next.reset(*made);
    }
    situation = next.get();
    if (situation->open_nodes.empty() || place.stack == Stacks::kBottom) break;
    place = {stacks.returns_to(place.stack), stacks.below(place.stack)};
    level = &next->below;
  }
  add_to(mask, *situation);
  return {};
}

}  // namespace quipu::grammar
