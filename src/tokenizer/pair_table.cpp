#include "tokenizer/pair_table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "tokenizer/byte_alphabet.h"

namespace quipu::tokenizer {

namespace {

// A merge whose texts are decoded and hashed, with slots on their way into the cache.
struct Pending {
  uint32_t begin, middle, end;  // of the left and right part in the block's bytes
  uint64_t left, right, whole;  // hashes
};

// Enough to hide the time to memory of one merge's look-ups behind the work on the others.
constexpr size_t kBlock = 32;

struct Block {
  std::string bytes;
  std::array<Pending, kBlock> items;
};

Error merge_error(size_t rank, std::string_view merge, const char* what) {
  return invalid_input("tokenizer.ggml.merges: merge {} ({:?}) {}", rank, merge.substr(0, 64), what);
}

Status prepare(std::string_view merge, size_t rank, const ByteIndex& index, Block& block, Pending& item) {
  const size_t space = merge.find(' ');
  if (space == std::string_view::npos) return merge_error(rank, merge, "is not two tokens with a space between");
  const size_t begin = block.bytes.size();
  block.bytes.resize(begin + merge.size());
  char* const out = block.bytes.data() + begin;
  const auto n_left = decode_byte_alphabet(merge.substr(0, space), out);
  if (!n_left) return merge_error(rank, merge, "has characters that are not of the byte alphabet");
  const auto n_right = decode_byte_alphabet(merge.substr(space + 1), out + *n_left);
  if (!n_right) return merge_error(rank, merge, "has characters that are not of the byte alphabet");
  if (*n_left == 0 || *n_right == 0) return merge_error(rank, merge, "is not two tokens with a space between");
  const size_t n = *n_left + *n_right;
  block.bytes.resize(begin + n);
  item = {static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + *n_left), static_cast<uint32_t>(begin + n),
          hash_bytes(out, *n_left),     hash_bytes(out + *n_left, *n_right),    hash_bytes(out, n)};
  index.prefetch(item.left);
  index.prefetch(item.right);
  index.prefetch(item.whole);
  return {};
}

bool is_plain(TokenType type) {
  return type != TokenType::control && type != TokenType::unknown;
}

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
  // A longer merge cannot name tokens: the table's text is at most 4 GiB, and a block of merges must fit uint32_t.
  constexpr size_t kMaxMergeBytes = size_t{1} << 26;
  if (merges.size() >= kNoMerge) {
    return error_of(ErrorKind::limit_exceeded, "tokenizer.ggml.merges has {} merges", merges.size());
  }
  PairTable pairs;
  pairs.slots_.resize(std::bit_ceil(merges.size() * 3 / 2 + 1));
  pairs.mask_ = pairs.slots_.size() - 1;
  Block block;
  for (size_t first = 0; first < merges.size(); first += kBlock) {
    const size_t n = std::min(kBlock, merges.size() - first);
    block.bytes.clear();
    for (size_t i = 0; i < n; ++i) {
      if (merges[first + i].size() > kMaxMergeBytes) {
        return merge_error(first + i, merges[first + i], "is longer than 64 MiB");
      }
      QUIPU_CHECK_OK(prepare(merges[first + i], first + i, index, block, block.items[i]));
    }
    for (size_t i = 0; i < n; ++i) {
      const Pending& item = block.items[i];
      const char* const bytes = block.bytes.data();
      const Token left = index.find(table, {bytes + item.begin, item.middle - item.begin}, item.left);
      const Token right = index.find(table, {bytes + item.middle, item.end - item.middle}, item.right);
      const Token whole = index.find(table, {bytes + item.begin, item.end - item.begin}, item.whole);
      if (left == kNoToken || right == kNoToken || whole == kNoToken) {
        const char* what = whole == kNoToken && left != kNoToken && right != kNoToken
                               ? "makes a token that the vocabulary does not have"
                               : "names a token that the vocabulary does not have";
        return merge_error(first + i, merges[first + i], what);
      }
      if (!is_plain(table.type(left)) || !is_plain(table.type(right)) || !is_plain(table.type(whole))) continue;
      const Merge merge{static_cast<uint32_t>(first + i), whole};
      if (!pairs.insert(key_of(left, right), merge)) {
        return invalid_input("tokenizer.ggml.merges: too many merges have the same hash");
      }
    }
  }
  return pairs;
}

}  // namespace quipu::tokenizer
