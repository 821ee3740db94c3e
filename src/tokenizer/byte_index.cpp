#include "tokenizer/byte_index.h"

#include <bit>

namespace quipu::tokenizer {

Result<ByteIndex> ByteIndex::build(const TokenTable& table) {
  ByteIndex index;
  index.slots_.resize(std::bit_ceil(table.size() * 2));
  index.mask_ = index.slots_.size() - 1;
  for (Token token = 0; table.contains(token); ++token) {
    if (!table.is_indexed(token)) continue;
    const std::string_view bytes = table.bytes(token);
    const uint64_t hash = hash_bytes(bytes.data(), bytes.size());
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t i = hash & index.mask_;
    size_t n_probes = 0;
    while (index.slots_[i].token != kNoToken &&
           !(index.slots_[i].tag == tag && table.bytes(index.slots_[i].token) == bytes)) {
      if (++n_probes > kMaxProbes) return invalid_input("tokenizer.ggml.tokens: too many tokens have the same hash");
      i = (i + 1) & index.mask_;
    }
    Slot& slot = index.slots_[i];
    const bool better = slot.token == kNoToken ||
                        (table.type(slot.token) != TokenType::normal && table.type(token) == TokenType::normal);
    if (better) slot = {tag, token, table.begin(token), static_cast<uint32_t>(bytes.size())};
  }
  return index;
}

}  // namespace quipu::tokenizer
