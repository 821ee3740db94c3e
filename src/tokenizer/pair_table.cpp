#include "tokenizer/pair_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "tokenizer/byte_alphabet.h"

namespace quipu::tokenizer {

namespace {

// A merge on its way from text to tokens. Offsets are into the block's bytes.
struct Pending {
  uint32_t begin, middle, end;
  uint64_t left_hash, right_hash, whole_hash;
  Token left, right, whole;  // kNoToken: to be left out
};

// Works on many merges at a time: enough to hide the way to memory of one look-up behind the work on the others.
class Resolver {
 public:
  static constexpr size_t kMaxBlock = 64;
  // A longer merge cannot name tokens of the 4 GiB that a table holds, and a block of them must fit uint32_t.
  static constexpr size_t kMaxMergeBytes = size_t{1} << 25;

  Resolver(const TokenTable& table, const ByteIndex& index) : table_(table), index_(index) {}

  // The tokens of up to kMaxBlock merges, of which the first is number `rank`.
  Status resolve(std::span<const std::string_view> merges, size_t rank) {
    bytes_.clear();
    for (size_t i = 0; i < merges.size(); ++i) {
      if (const char* problem = decode(merges[i], items_[i])) return error(rank + i, merges[i], problem);
    }
    for (size_t i = 0; i < merges.size(); ++i) {
      for (const uint64_t hash : {items_[i].left_hash, items_[i].right_hash, items_[i].whole_hash}) {
        index_.prefetch_bytes(table_, hash);
      }
    }
    for (size_t i = 0; i < merges.size(); ++i) {
      if (const char* problem = look_up(items_[i])) return error(rank + i, merges[i], problem);
    }
    return {};
  }

  [[nodiscard]] const Pending& item(size_t i) const { return items_[i]; }

 private:
  static Error error(size_t rank, std::string_view merge, const char* problem) {
    return invalid_input("tokenizer.ggml.merges: merge {} ({:?}) {}", rank, merge.substr(0, 64), problem);
  }

  // These two return what is wrong, or null.
  const char* decode(std::string_view merge, Pending& item) {
    if (merge.size() > kMaxMergeBytes) return "is longer than 32 MiB";
    const size_t space = merge.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == merge.size()) {
      return "is not two tokens with a space between";
    }
    const size_t begin = bytes_.size();
    bytes_.resize(begin + merge.size());
    char* const out = bytes_.data() + begin;
    const auto n_left = decode_byte_alphabet(merge.substr(0, space), out);
    if (!n_left) return "has characters that are not of the byte alphabet";
    const auto n_right = decode_byte_alphabet(merge.substr(space + 1), out + *n_left);
    if (!n_right) return "has characters that are not of the byte alphabet";
    const size_t n = *n_left + *n_right;
    bytes_.resize(begin + n);
    item.begin = static_cast<uint32_t>(begin);
    item.middle = static_cast<uint32_t>(begin + *n_left);
    item.end = static_cast<uint32_t>(begin + n);
    item.left_hash = hash_bytes(out, *n_left);
    item.right_hash = hash_bytes(out + *n_left, *n_right);
    item.whole_hash = hash_bytes(out, n);
    for (const uint64_t hash : {item.left_hash, item.right_hash, item.whole_hash}) index_.prefetch_slot(hash);
    return nullptr;
  }

  const char* look_up(Pending& item) {
    const auto find = [this](uint32_t begin, uint32_t end, uint64_t hash) {
      return index_.find(table_, std::string_view(bytes_.data() + begin, end - begin), hash);
    };
    item.left = find(item.begin, item.middle, item.left_hash);
    item.right = find(item.middle, item.end, item.right_hash);
    item.whole = find(item.begin, item.end, item.whole_hash);
    if (item.left == kNoToken || item.right == kNoToken) return "names a token that the vocabulary does not have";
    if (item.whole == kNoToken) return "makes a token that the vocabulary does not have";
    if (!is_plain(item.left) || !is_plain(item.right) || !is_plain(item.whole)) item.whole = kNoToken;
    return nullptr;
  }

  [[nodiscard]] bool is_plain(Token token) const {
    return table_.type(token) != TokenType::control && table_.type(token) != TokenType::unknown;
  }

  const TokenTable& table_;
  const ByteIndex& index_;
  std::string bytes_;
  std::array<Pending, kMaxBlock> items_;
};

}  // namespace

bool PairTable::insert(uint64_t key, Merge merge) {
  size_t n_probes = 0;
  for (size_t i = hash_of(key) & mask_; ++n_probes <= kMaxProbes; i = (i + 1) & mask_) {
    if (slots_[i].key == key) return true;
    if (slots_[i].key == kEmpty) {
      slots_[i] = {key, merge};
      return true;
    }
  }
  return false;
}

Result<PairTable> PairTable::build(std::span<const std::string_view> merges, const TokenTable& table,
                                   const ByteIndex& index) {
  if (merges.size() >= kNoMerge) {
    return error_of(ErrorKind::limit_exceeded, "tokenizer.ggml.merges has {} merges", merges.size());
  }
  PairTable pairs;
  pairs.slots_.resize(std::bit_ceil(merges.size() * 3 / 2 + 1));
  pairs.mask_ = pairs.slots_.size() - 1;
  Resolver resolver(table, index);
  for (size_t first = 0; first < merges.size(); first += Resolver::kMaxBlock) {
    const auto block = merges.subspan(first, std::min(Resolver::kMaxBlock, merges.size() - first));
    QUIPU_CHECK_OK(resolver.resolve(block, first));
    for (size_t i = 0; i < block.size(); ++i) {
      const uint64_t key = key_of(resolver.item(i).left, resolver.item(i).right);
      __builtin_prefetch(&pairs.slots_[hash_of(key) & pairs.mask_], 1);
    }
    for (size_t i = 0; i < block.size(); ++i) {
      const Pending& item = resolver.item(i);
      if (item.whole == kNoToken) continue;
      if (!pairs.insert(key_of(item.left, item.right), {static_cast<uint32_t>(first + i), item.whole})) {
        return invalid_input("tokenizer.ggml.merges: too many merges have the same hash");
      }
    }
  }
  return pairs;
}

}  // namespace quipu::tokenizer
