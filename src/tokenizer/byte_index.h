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
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.token == kNoToken) return kNoToken;
      if (slot.tag == tag && table.bytes(slot.token) == bytes) return slot.token;
    }
  }
  // Brings the slot of a hash near, for a find() that follows some steps later.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }

 private:
  struct Slot {
    uint32_t tag = 0;  // the upper half of the hash
    Token token = kNoToken;
  };
  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
};

}  // namespace quipu::tokenizer
