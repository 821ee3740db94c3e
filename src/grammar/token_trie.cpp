#include "grammar/token_trie.h"

#include <algorithm>
#include <numeric>

namespace quipu::grammar {

namespace {

// Longer tokens, which no vocabulary has for text, are never allowed.
constexpr size_t kMaxTokenBytes = 4096;

}  // namespace

TokenTrie::TokenTrie(std::span<const std::string_view> bytes, std::span<const Token> end_tokens)
    : end_tokens_(end_tokens.begin(), end_tokens.end()) {
  std::erase_if(end_tokens_, [&](Token t) { return t < 0 || static_cast<size_t>(t) >= bytes.size(); });
  std::sort(end_tokens_.begin(), end_tokens_.end());
  bytes_begin_.push_back(0);
  std::vector<Token> order;
  for (size_t t = 0; t < bytes.size(); ++t) {
    const bool is_text = !bytes[t].empty() && bytes[t].size() <= kMaxTokenBytes && !is_end(static_cast<Token>(t));
    if (is_text) {
      all_bytes_.insert(all_bytes_.end(), bytes[t].begin(), bytes[t].end());
      order.push_back(static_cast<Token>(t));
    }
    bytes_begin_.push_back(static_cast<uint32_t>(all_bytes_.size()));
  }
  // string_view compares as unsigned bytes, so that equal beginnings stand together, shorter first.
  std::stable_sort(order.begin(), order.end(), [this](Token a, Token b) { return this->bytes(a) < this->bytes(b); });
  nodes_.push_back({0, 0, 0, 0});
  std::vector<uint32_t> path{0};  // the nodes from the root to the last one
  std::string_view last;
  for (const Token t : order) {
    const std::string_view text = this->bytes(t);
    const auto shared =
        static_cast<size_t>(std::mismatch(last.begin(), last.end(), text.begin(), text.end()).first - last.begin());
    for (; path.size() > shared + 1; path.pop_back()) nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
    for (size_t i = shared; i < text.size(); ++i) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back(
          {0, static_cast<uint32_t>(tokens_.size()), static_cast<uint16_t>(i + 1), static_cast<uint8_t>(text[i])});
    }
    tokens_.push_back(t);
    last = text;
  }
  for (const uint32_t node : path) nodes_[node].end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), 0, 0});
}

std::string_view TokenTrie::bytes(Token token) const {
  const auto t = static_cast<size_t>(token);
  return {all_bytes_.data() + bytes_begin_[t], bytes_begin_[t + 1] - bytes_begin_[t]};
}

bool TokenTrie::is_end(Token token) const {
  return std::binary_search(end_tokens_.begin(), end_tokens_.end(), token);
}

}  // namespace quipu::grammar
