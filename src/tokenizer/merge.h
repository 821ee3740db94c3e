// The merge loop that byte-level BPE and SentencePiece share: of all neighbours that may merge, those with the smallest
// priority merge first, the leftmost of equals before the others, until none may.
// Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016), algorithm 1.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tokenizer/vocab.h"

namespace quipu::tokenizer {

inline constexpr uint32_t kNoMerge = UINT32_MAX;

// What two neighbours would become.
struct Merge {
  uint32_t priority = kNoMerge;
  Token token = -1;
};

// A stretch of the word: from `begin` to the begin of the next symbol. `token` is kNoToken if none stands for it.
struct Symbol {
  uint32_t begin;
  Token token;
};

// Two neighbours as a model sees them: the bytes [left.begin, end) of the word.
struct Neighbours {
  Symbol left, right;
  uint32_t end;
};

// Buffers that serve one word after the other. `Model` is a callable Merge(const Neighbours&).
class Merger {
 public:
  // At most this many symbols: entries of the heap hold a position beside a priority.
  static constexpr size_t kMaxSymbols = size_t{1} << 24;

  // The symbols of the next word: fill before run(), read after it.
  std::vector<Symbol> symbols;

  // Merges `symbols` of a word of `word_size` bytes. O(n log n).
  template <typename Model>
  void run(uint32_t word_size, const Model& model) {
    if (symbols.size() <= kShort) {
      run_short(word_size, model);
    } else {
      run_long(word_size, model);
    }
  }

 private:
  // Up to here looking at every neighbour for each merge is faster than a heap (a word of prose has 2 to 10 symbols).
  static constexpr size_t kShort = 32;

  template <typename Model>
  void run_short(uint32_t word_size, const Model& model) {
    size_t n = symbols.size();
    std::array<Merge, kShort> merges;  // of symbols i and i + 1
    const auto look = [&](size_t i) {
      const uint32_t end = i + 2 < n ? symbols[i + 2].begin : word_size;
      merges[i] = model(Neighbours{symbols[i], symbols[i + 1], end});
    };
    for (size_t i = 0; i + 1 < n; ++i) look(i);
    while (n > 1) {
      size_t best = 0;
      for (size_t i = 1; i + 1 < n; ++i) {
        if (merges[i].priority < merges[best].priority) best = i;
      }
      if (merges[best].priority == kNoMerge) break;
      symbols[best].token = merges[best].token;
      std::move(symbols.begin() + best + 2, symbols.begin() + n, symbols.begin() + best + 1);
      std::move(merges.begin() + best + 1, merges.begin() + n - 1, merges.begin() + best);
      --n;
      if (best > 0) look(best - 1);
      if (best + 1 < n) look(best);
    }
    symbols.resize(n);
  }

  template <typename Model>
  void run_long(uint32_t word_size, const Model& model) {
    const auto n = static_cast<uint32_t>(symbols.size());
    merges_.assign(n, Merge{});
    next_.resize(n + 1);  // next_[i] == n: i is the last symbol
    previous_.resize(n + 1);
    heap_.clear();
    for (uint32_t i = 0; i < n; ++i) next_[i] = i + 1, previous_[i] = i - 1;
    const auto look = [&](uint32_t i) {
      const uint32_t right = next_[i];
      merges_[i] = {};
      if (right == n) return false;
      const uint32_t end = next_[right] < n ? symbols[next_[right]].begin : word_size;
      merges_[i] = model(Neighbours{symbols[i], symbols[right], end});
      return merges_[i].priority != kNoMerge;
    };
    const auto entry = [&](uint32_t i) { return static_cast<uint64_t>(merges_[i].priority) << 32 | i; };
    for (uint32_t i = 0; i + 1 < n; ++i) {
      if (look(i)) heap_.push_back(entry(i));
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto push = [&](uint32_t i) {
      if (!look(i)) return;
      heap_.push_back(entry(i));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    };
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const uint64_t top = heap_.back();
      heap_.pop_back();
      const auto i = static_cast<uint32_t>(top);
      if (merges_[i].priority == kNoMerge || entry(i) != top) continue;  // merged away or changed since
      const uint32_t right = next_[i];
      symbols[i].token = merges_[i].token;
      merges_[right] = {};
      next_[i] = next_[right];
      previous_[next_[i]] = i;
      push(i);
      if (i != 0) push(previous_[i]);
    }
    uint32_t n_left = 0;
    for (uint32_t i = 0; i < n; i = next_[i]) symbols[n_left++] = symbols[i];
    symbols.resize(n_left);
  }

  std::vector<Merge> merges_;              // of a symbol and the next one
  std::vector<uint32_t> next_, previous_;  // neighbours that are left
  std::vector<uint64_t> heap_;             // priority << 32 | position
};

}  // namespace quipu::tokenizer
