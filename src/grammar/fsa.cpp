#include "grammar/fsa.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "base/check.h"

namespace quipu::grammar {

namespace {

Error too_large() {
  return error_of(ErrorKind::limit_exceeded, "a rule needs more than {} states", kMaxStates);
}

// The sum of the sizes of all subsets: bounds the memory of subset construction and of products.
constexpr size_t kMaxWork = 4'000'000;

struct Utf8 {
  std::array<uint8_t, 4> bytes{};
  size_t n = 0;
};

Utf8 encode(uint32_t c) {
  const auto tail = [&](int shift) { return static_cast<uint8_t>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) return {{static_cast<uint8_t>(c)}, 1};
  if (c < 0x800) return {{static_cast<uint8_t>(0xc0 | (c >> 6)), tail(0)}, 2};
  if (c < 0x10000) return {{static_cast<uint8_t>(0xe0 | (c >> 12)), tail(6), tail(0)}, 3};
  return {{static_cast<uint8_t>(0xf0 | (c >> 18)), tail(12), tail(6), tail(0)}, 4};
}

}  // namespace

StateId Nfa::add() {
  if (!too_large()) states_.emplace_back();
  return static_cast<StateId>(states_.size() - 1);
}

void Nfa::text(StateId from, std::string_view bytes, StateId to) {
  if (bytes.empty()) return empty(from, to);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const StateId next = i + 1 == bytes.size() ? to : add();
    byte(from, static_cast<uint8_t>(bytes[i]), static_cast<uint8_t>(bytes[i]), next);
    from = next;
  }
}

// Splits the range until all its encodings have the same length and differ freely from some byte on (the way of
// Thompson's and Cox's "utf8-ranges").
void Nfa::code_points(StateId from, uint32_t lo, uint32_t hi, StateId to) {
  if (lo > hi) return;
  if (lo < 0xd800 && hi >= 0xd800) {
    code_points(from, lo, 0xd7ff, to);
    return code_points(from, 0xe000, hi, to);
  }
  if (lo >= 0xd800 && lo <= 0xdfff) return code_points(from, 0xe000, hi, to);
  for (const uint32_t last : {0x7fu, 0x7ffu, 0xffffu}) {
    if (lo <= last && hi > last) {
      code_points(from, lo, last, to);
      return code_points(from, last + 1, hi, to);
    }
  }
  for (uint32_t tail = 0x3f; lo > 0x7f && tail <= 0x3ffff; tail = (tail << 6) | 0x3f) {
    if ((lo & ~tail) == (hi & ~tail)) continue;
    if ((lo & tail) != 0) {
      code_points(from, lo, lo | tail, to);
      return code_points(from, (lo | tail) + 1, hi, to);
    }
    if ((hi & tail) != tail) {
      code_points(from, lo, (hi & ~tail) - 1, to);
      return code_points(from, hi & ~tail, hi, to);
    }
  }
  const Utf8 first = encode(lo), last = encode(hi);
  for (size_t i = 0; i < first.n; ++i) {
    const StateId next = i + 1 == first.n ? to : add();
    byte(from, first.bytes[i], last.bytes[i], next);
    from = next;
  }
}

void Nfa::insert(const Fsa& fsa, StateId from, StateId to) {
  std::vector<StateId> ids;
  for (size_t i = 0; i < fsa.states.size(); ++i) {
    ids.push_back(add());
    if (too_large()) return;
  }
  for (size_t i = 0; i < fsa.states.size(); ++i) {
    for (const ByteEdge& e : fsa.states[i].bytes) byte(ids[i], e.lo, e.hi, ids[e.target]);
    for (const CallEdge& e : fsa.states[i].calls) call(ids[i], e.rule, ids[e.target]);
    if (fsa.states[i].accepting) empty(ids[i], to);
  }
  empty(from, ids[0]);
}

class SubsetConstruction {
 public:
  SubsetConstruction(const Nfa& nfa, StateId accept) : nfa_(nfa), accept_(accept), seen_(nfa.states_.size(), 0) {}

  Result<Fsa> run(StateId start) {
    if (nfa_.too_large()) return too_large();
    id_of({start});
    for (size_t i = 0; i < subsets_.size(); ++i) {
      if (fsa_.states.size() > kMaxStates || work_ > kMaxWork) return too_large();
      expand(i);
    }
    fsa_.work = work_;
    return trimmed(fsa_);
  }

 private:
  using Subset = std::vector<StateId>;
  struct SubsetHash {
    size_t operator()(const Subset& s) const {
      uint64_t h = s.size();
      for (const StateId x : s) h = (h ^ x) * 0x9E3779B97F4A7C15u;
      return static_cast<size_t>(h ^ (h >> 32));
    }
  };

  void close(Subset& subset) {
    ++mark_;
    for (const StateId s : subset) seen_[s] = mark_;
    for (size_t i = 0; i < subset.size(); ++i) {
      for (const StateId t : nfa_.states_[subset[i]].empties) {
        if (seen_[t] == mark_) continue;
        seen_[t] = mark_;
        subset.push_back(t);
      }
    }
    std::sort(subset.begin(), subset.end());
  }

  StateId id_of(Subset subset) {
    close(subset);
    work_ += subset.size();
    const auto [it, is_new] = ids_.try_emplace(subset, static_cast<StateId>(subsets_.size()));
    if (is_new) {
      fsa_.states.emplace_back().accepting = std::binary_search(subset.begin(), subset.end(), accept_);
      subsets_.push_back(std::move(subset));
    }
    return it->second;
  }

  void expand(size_t i) {
    std::array<std::vector<StateId>, 257> starting, ending;  // at which byte an edge's target comes in and goes out
    std::map<RuleId, Subset> calls;
    bool any = false;
    for (const StateId s : subsets_[i]) {
      for (const ByteEdge& e : nfa_.states_[s].bytes) {
        starting[e.lo].push_back(e.target);
        ending[e.hi + 1u].push_back(e.target);
        any = true;
      }
      for (const CallEdge& e : nfa_.states_[s].calls) calls[e.rule].push_back(e.target);
    }
    if (any) expand_bytes(i, starting, ending);
    for (auto& [rule, targets] : calls) {
      std::sort(targets.begin(), targets.end());
      targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
      const StateId target = id_of(std::move(targets));
      fsa_.states[i].calls.push_back({rule, target});
    }
  }

  void expand_bytes(size_t i, const std::array<std::vector<StateId>, 257>& starting,
                    const std::array<std::vector<StateId>, 257>& ending) {
    std::map<StateId, int> active;
    StateId target = 0;
    for (unsigned b = 0; b < 256; ++b) {
      const bool changed = !starting[b].empty() || !ending[b].empty();
      for (const StateId t : ending[b]) {
        if (--active[t] == 0) active.erase(t);
      }
      for (const StateId t : starting[b]) ++active[t];
      if (active.empty()) continue;
      if (changed) {
        Subset targets;
        for (const auto& [t, n] : active) targets.push_back(t);
        target = id_of(std::move(targets));
      }
      auto& edges = fsa_.states[i].bytes;
      const auto byte = static_cast<uint8_t>(b);
      if (!edges.empty() && edges.back().hi + 1u == b && edges.back().target == target) {
        edges.back().hi = byte;
      } else {
        edges.push_back({byte, byte, target});
      }
    }
  }

  const Nfa& nfa_;
  StateId accept_;
  std::vector<uint32_t> seen_;
  uint32_t mark_ = 0;
  size_t work_ = 0;
  Fsa fsa_;
  std::vector<Subset> subsets_;
  std::unordered_map<Subset, StateId, SubsetHash> ids_;
};

Result<Fsa> Nfa::determinise(StateId start, StateId accept) const {
  return SubsetConstruction(*this, accept).run(start);
}

Fsa trimmed(const Fsa& fsa) {
  const size_t n = fsa.states.size();
  std::vector<std::vector<StateId>> sources(n);
  std::vector<char> alive(n, 0);
  std::vector<StateId> queue;
  for (StateId s = 0; s < n; ++s) {
    for (const ByteEdge& e : fsa.states[s].bytes) sources[e.target].push_back(s);
    for (const CallEdge& e : fsa.states[s].calls) sources[e.target].push_back(s);
    if (fsa.states[s].accepting) alive[s] = 1, queue.push_back(s);
  }
  while (!queue.empty()) {
    const StateId s = queue.back();
    queue.pop_back();
    for (const StateId source : sources[s]) {
      if (!alive[source]) alive[source] = 1, queue.push_back(source);
    }
  }
  if (n > 0) alive[0] = 1;
  std::vector<StateId> ids(n, 0);
  Fsa result;
  result.work = fsa.work + n;
  for (StateId s = 0; s < n; ++s) {
    if (alive[s]) ids[s] = static_cast<StateId>(result.states.size()), result.states.emplace_back();
  }
  for (StateId s = 0; s < n; ++s) {
    if (!alive[s]) continue;
    Fsa::State& state = result.states[ids[s]];
    state.accepting = fsa.states[s].accepting;
    for (ByteEdge e : fsa.states[s].bytes) {
      if (alive[e.target]) state.bytes.push_back({e.lo, e.hi, ids[e.target]});
    }
    for (CallEdge e : fsa.states[s].calls) {
      if (alive[e.target]) state.calls.push_back({e.rule, ids[e.target]});
    }
  }
  return result;
}

bool is_empty(const Fsa& fsa) {
  return std::none_of(fsa.states.begin(), fsa.states.end(), [](const Fsa::State& s) { return s.accepting; });
}

Result<Fsa> product(const Fsa& a, const Fsa& b, ProductKind kind) {
  constexpr StateId kNone = UINT32_MAX;  // b has left its automaton: only first_only goes on
  using Pair = std::pair<StateId, StateId>;
  std::map<Pair, StateId> ids;
  std::vector<Pair> pairs;
  Fsa result;
  const auto id_of = [&](Pair pair) {
    const auto [it, is_new] = ids.try_emplace(pair, static_cast<StateId>(pairs.size()));
    if (is_new) {
      pairs.push_back(pair);
      const bool in_b = pair.second != kNone && b.states[pair.second].accepting;
      result.states.emplace_back().accepting = a.states[pair.first].accepting && in_b == (kind == ProductKind::both);
    }
    return it->second;
  };
  id_of({0, 0});
  size_t work = 0;
  static const std::vector<ByteEdge> kNoEdges;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto [sa, sb] = pairs[i];
    QUIPU_CHECK(a.states[sa].calls.empty() && (sb == kNone || b.states[sb].calls.empty()));
    const std::vector<ByteEdge>& edges_b = sb == kNone ? kNoEdges : b.states[sb].bytes;
    std::vector<ByteEdge> edges;
    const auto go = [&](unsigned lo, unsigned hi, StateId ta, StateId tb) {
      if (lo <= hi && (tb != kNone || kind == ProductKind::first_only)) {
        edges.push_back({static_cast<uint8_t>(lo), static_cast<uint8_t>(hi), id_of({ta, tb})});
      }
    };
    for (const ByteEdge& e : a.states[sa].bytes) {
      unsigned lo = e.lo;
      for (const ByteEdge& f : edges_b) {
        if (f.hi < lo || f.lo > e.hi) continue;
        if (f.lo > lo) go(lo, f.lo - 1u, e.target, kNone);
        go(std::max<unsigned>(lo, f.lo), std::min(e.hi, f.hi), e.target, f.target);
        lo = f.hi + 1u;
      }
      if (lo <= e.hi) go(lo, e.hi, e.target, kNone);
    }
    work += edges.size() + 1;
    result.states[i].bytes = std::move(edges);
    if (result.states.size() > kMaxStates || work > kMaxWork) return too_large();
  }
  result.work = work;
  return trimmed(result);
}

bool accepts(const Fsa& fsa, std::string_view bytes) {
  StateId s = 0;
  for (const char c : bytes) {
    const auto b = static_cast<uint8_t>(c);
    const auto& edges = fsa.states[s].bytes;
    const auto e = std::find_if(edges.begin(), edges.end(), [=](const ByteEdge& x) { return x.lo <= b && b <= x.hi; });
    if (e == edges.end()) return false;
    s = e->target;
  }
  return fsa.states[s].accepting;
}

}  // namespace quipu::grammar
