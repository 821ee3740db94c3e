// From bytes to the token that stands for them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/hash.h"
#include "tokenizer/token_table.h"

namespace quipu::tokenizer {

inline constexpr Token kNoToken = -1;

// Open addressing over the bytes in a TokenTable, which it does not own: every call gets the same one.
class ByteIndex {
 public:
  // All indexed tokens. Of tokens with the same bytes a normal one is found before others, and of several normal ones
  // the first. Error: keys made to collide.
  static Result<ByteIndex> build(const TokenTable& table);

  [[nodiscard]] Token find(const TokenTable& table, std::string_view bytes) const {
    return find(table, bytes, hash_bytes(bytes.data(), bytes.size()));
  }
  [[nodiscard]] Token find(const TokenTable& table, std::string_view bytes, uint64_t hash) const {
    for (size_t i = first_candidate(hash);; i = next_candidate(hash, (i + 1) & mask_)) {
      const Slot& slot = slots_[i];
      if (slot.token == kNoToken) return kNoToken;
      if (slot.size == bytes.size() && table.bytes_at(slot.begin, slot.size) == bytes) return slot.token;
    }
  }
  // For many look-ups at once: bring near what find() will read, in two steps with other work between.
  void prefetch_slot(uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  void prefetch_bytes(const TokenTable& table, uint64_t hash) const {
    table.prefetch(slots_[first_candidate(hash)].begin);
  }

 private:
  struct Slot {
    uint32_t tag = 0;  // the upper half of the hash
    Token token = kNoToken;
    uint32_t begin = 0, size = 0;  // of the token's bytes in the table
  };

  // The first slot from `i` on that is empty or whose token has the hash's tag.
  [[nodiscard]] size_t next_candidate(uint64_t hash, size_t i) const {
    const auto tag = static_cast<uint32_t>(hash >> 32);
    while (slots_[i].token != kNoToken && slots_[i].tag != tag) i = (i + 1) & mask_;
    return i;
  }
  [[nodiscard]] size_t first_candidate(uint64_t hash) const { return next_candidate(hash, hash & mask_); }

  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
};

}  // namespace quipu::tokenizer
