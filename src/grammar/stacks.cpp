#include "grammar/stacks.h"

#include <algorithm>
#include <unordered_set>

namespace quipu::grammar {

namespace {

// Grammars for real formats have tens of ways at once; this many mean an ambiguity that doubles with every byte.
constexpr size_t kMaxPlaces = 4096;
// As many are searched one by one before a hash table pays.
constexpr size_t kSmall = 24;

uint64_t key_of(uint32_t a, uint32_t b) {
  return (static_cast<uint64_t>(a) << 32) | b;
}

class PlaceSet {
 public:
  explicit PlaceSet(std::vector<Place>& places) : places_(places) {}
  void add(Place place) {
    if (large_.empty()) {
      if (std::find(places_.begin(), places_.end(), place) != places_.end()) return;
      if (places_.size() > kSmall) {
        for (const Place& p : places_) large_.insert(key_of(p.state, p.stack));
      }
    }
    if (!large_.empty() && !large_.insert(key_of(place.state, place.stack)).second) return;
    places_.push_back(place);
  }

 private:
  std::vector<Place>& places_;
  std::unordered_set<uint64_t> large_;
};

}  // namespace

StackId Stacks::push(StackId below, StateId state) {
  const auto [it, is_new] = ids_.try_emplace(key_of(below, state), static_cast<StackId>(nodes_.size()));
  if (is_new) nodes_.push_back({below, state});
  return it->second;
}

Status Stacks::close(std::vector<Place>& places, bool& at_bottom) {
  at_bottom = false;
  PlaceSet set(places);
  for (size_t i = 0; i < places.size(); ++i) {
    const Place place = places[i];
    for (const CallEdge& e : automaton_->calls(place.state)) {
      const bool is_tail = automaton_->is_end(e.target);
      set.add({automaton_->start_of(e.rule), is_tail ? place.stack : push(place.stack, e.target)});
    }
    if (automaton_->accepting(place.state)) {
      if (place.stack == kBottom)
        at_bottom = true;
      else
        set.add({returns_to(place.stack), below(place.stack)});
    }
    if (places.size() > kMaxPlaces) {
      return error_of(ErrorKind::limit_exceeded, "the grammar can be followed in more than {} ways at once",
                      kMaxPlaces);
    }
  }
  return {};
}

void Stacks::step(const std::vector<Place>& closed, uint8_t byte, std::vector<Place>& next) const {
  next.clear();
  for (const Place& place : closed) {
    const auto edges = automaton_->bytes(place.state);
    const auto e =
        std::lower_bound(edges.begin(), edges.end(), byte, [](const ByteEdge& edge, uint8_t b) { return edge.hi < b; });
    if (e != edges.end() && e->lo <= byte) next.push_back({e->target, place.stack});
  }
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
}

}  // namespace quipu::grammar
