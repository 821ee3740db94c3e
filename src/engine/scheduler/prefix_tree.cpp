#include "engine/scheduler/prefix_tree.h"

#include <algorithm>

#include "base/check.h"

namespace quipu::engine {
namespace {

size_t common(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

PrefixTree::PrefixTree(std::shared_ptr<backend::cpu::KvPool> pool)
    : pool_(std::move(pool)), page_tokens_(pool_->shape().page_tokens) {}

PrefixTree::~PrefixTree() {
  while (!leaves_.empty()) erase(leaves_.begin()->second);
}

// In the order of tokens, the longest common beginning stands next to where `tokens` would be.
std::pair<PrefixTree::Node*, size_t> PrefixTree::nearest(const Node& node, std::span<const Token> tokens) {
  const auto after = node.children.lower_bound(std::vector<Token>(tokens.begin(), tokens.end()));
  std::pair<Node*, size_t> best{nullptr, 0};
  const auto consider = [&](const Children::value_type& child) {
    const size_t n = common(child.first, tokens);
    if (n > best.second) best = {child.second.get(), n};
  };
  if (after != node.children.end()) consider(*after);
  if (after != node.children.begin()) consider(*std::prev(after));
  return best;
}

PrefixTree::Match PrefixTree::match(std::span<const Token> tokens) {
  Match match;
  Node* node = &root_;
  while (match.n_tokens < tokens.size()) {
    const auto rest = tokens.subspan(match.n_tokens);
    const auto [child, n] = nearest(*node, rest.first(std::min(page_tokens_, rest.size())));
    if (child == nullptr) break;
    match.pages.push_back(child->page);
    match.n_tokens += n;
    touch(child);
    if (n < page_tokens_) break;
    node = child;
  }
  return match;
}

void PrefixTree::insert(std::span<const Token> tokens, model::KvSequence& kv, bool partial) {
  QUIPU_CHECK(tokens.size() == kv.size());
  Node* node = &root_;
  for (size_t i = 0; i * page_tokens_ < tokens.size(); i++) {
    const auto piece = tokens.subspan(i * page_tokens_, std::min(page_tokens_, tokens.size() - i * page_tokens_));
    if (piece.size() < page_tokens_ && !partial) return;
    const auto [known, n] = nearest(*node, piece);
    if (known != nullptr && n == piece.size()) {
      touch(known);
      if (kv.shared_pages()[i] != known->page && piece.size() == page_tokens_) kv.replace(i, known->page);
      node = known;
      continue;
    }
    KvPage* page = kv.shared_pages()[i];
    // A page that was known as far as it was filled then is known as more now.
    if (known != nullptr && n == known->self->first.size()) erase(known);
    pool_->retain_cached(page);
    if (node != &root_ && node->children.empty()) leaves_.erase({node->last_use, node});
    auto child = std::make_unique<Node>();
    child->parent = node;
    child->page = page;
    child->self = node->children.emplace(std::vector<Token>(piece.begin(), piece.end()), nullptr).first;
    Node* const added = child.get();
    added->self->second = std::move(child);
    leaves_.insert({added->last_use, added});
    touch(added);
    node = added;
  }
}

void PrefixTree::touch(Node* node) {
  const bool leaf = node->children.empty();
  if (leaf) leaves_.erase({node->last_use, node});
  node->last_use = ++clock_;
  if (leaf) leaves_.insert({node->last_use, node});
}

void PrefixTree::erase(Node* node) {
  while (!node->children.empty()) erase(node->children.begin()->second.get());
  leaves_.erase({node->last_use, node});
  pool_->release_cached(node->page);
  Node* const parent = node->parent;
  parent->children.erase(node->self);
  if (parent != &root_ && parent->children.empty()) leaves_.insert({parent->last_use, parent});
}

size_t PrefixTree::drop(size_t n) {
  size_t n_dropped = 0;
  for (auto leaf = leaves_.begin(); leaf != leaves_.end() && n_dropped < n;) {
    Node* const node = leaf->second;
    if (!pool_->is_idle(node->page)) {
      ++leaf;
      continue;
    }
    erase(node);
    n_dropped++;
    leaf = leaves_.begin();  // its parent may be the oldest now
  }
  return n_dropped;
}

void PrefixTree::forget(std::span<const Token> tokens) {
  Node* node = &root_;
  for (size_t begin = 0; begin < tokens.size(); begin += page_tokens_) {
    const auto piece = tokens.subspan(begin, std::min(page_tokens_, tokens.size() - begin));
    const auto [child, n] = nearest(*node, piece);
    if (child == nullptr || n < piece.size()) return;
    node = child;
  }
  if (node != &root_) erase(node);
}

}  // namespace quipu::engine
