// The merges of a byte-level BPE vocabulary: from two neighbouring tokens to the rank of their merge and its result.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/byte_index.h"
#include "tokenizer/merge.h"

namespace quipu::tokenizer {

class PairTable {
 public:
  // `merges`: "left right", best first, in the byte alphabet. A merge that names a control token is left out, so plain
  // text never becomes one; of equal merges the first counts. Errors name the merge: no space in it, characters that
  // are not of the alphabet, a token that the vocabulary does not have.
  static Result<PairTable> build(std::span<const std::string_view> merges, const TokenTable& table,
                                 const ByteIndex& index);

  [[nodiscard]] Merge find(Token left, Token right) const {
    const uint64_t key = key_of(left, right);
    for (size_t i = hash_of(key) & mask_;; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return slots_[i].merge;
      if (slots_[i].key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // tokens are below 2^31
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t key_of(Token left, Token right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static uint64_t hash_of(uint64_t key) { return mix(key ^ 0x243F6A8885A308D3, 0xB7E151628AED2A6B); }
  bool insert(uint64_t key, Merge merge);

  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
};

}  // namespace quipu::tokenizer
