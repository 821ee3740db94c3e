// What was computed before, found again by its tokens: a radix tree whose edges are KV pages. A node holds one page,
// for up to page_tokens tokens that follow those of the nodes above it; one that is not full has nothing below it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "backend/cpu/kv_cache.h"
#include "engine/engine.h"

namespace quipu::engine {

// For one thread at a time.
class PrefixTree {
 public:
  using KvPage = backend::cpu::KvPage;

  explicit PrefixTree(std::shared_ptr<backend::cpu::KvPool> pool);
  ~PrefixTree();
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;

  // The longest known beginning of `tokens`. Of the last page only a part may fit: whoever takes it writes to a copy.
  struct Match {
    size_t n_tokens = 0;
    std::vector<KvPage*> pages;
  };
  Match match(std::span<const Token> tokens);

  // Remembers the pages of `kv`, which holds `tokens`: the whole ones, and with `partial` the last, too. Where another
  // page with the same content is known, `kv` takes that one instead of its own.
  void insert(std::span<const Token> tokens, model::KvSequence& kv, bool partial);

  // Lets go of up to `n` pages that nobody else uses, least recently used first. Returns how many.
  size_t drop(size_t n);
  // Lets go of what is known of the last page of these tokens, with all behind it.
  void forget(std::span<const Token> tokens);

 private:
  struct Node;
  using Children = std::map<std::vector<Token>, std::unique_ptr<Node>>;
  struct Node {
    Node* parent = nullptr;
    Children::iterator self;  // in parent->children
    KvPage* page = nullptr;
    uint64_t last_use = 0;
    Children children;
  };

  void touch(Node* node);
  void erase(Node* node);
  // The child with the longest common beginning, and its length.
  static std::pair<Node*, size_t> nearest(const Node& node, std::span<const Token> tokens);

  std::shared_ptr<backend::cpu::KvPool> pool_;
  size_t page_tokens_;
  Node root_;
  std::set<std::pair<uint64_t, Node*>> leaves_;  // by last use
  uint64_t clock_ = 0;
};

}  // namespace quipu::engine
