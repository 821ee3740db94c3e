// Keys and values of past tokens in pages that sequences share: a page holds some consecutive positions of one
// sequence for all layers and heads. Pages are taken as they are used; a shared one is copied before it is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/aligned_bytes.h"
#include "base/result.h"
#include "model/ops.h"

namespace quipu::backend::cpu {

struct KvShape {
  uint32_t n_layer = 0, n_head_kv = 0;
  uint32_t page_tokens = 0;                   // positions of a page
  size_t k_head_bytes = 0, v_head_bytes = 0;  // of one head of one layer in one page; multiples of 64

  [[nodiscard]] size_t page_bytes() const { return size_t{n_layer} * n_head_kv * (k_head_bytes + v_head_bytes); }
  // Where the keys (values) of a head begin in a page.
  [[nodiscard]] size_t k_offset(uint32_t layer, uint32_t head) const {
    return (size_t{layer} * n_head_kv + head) * (k_head_bytes + v_head_bytes);
  }
  [[nodiscard]] size_t v_offset(uint32_t layer, uint32_t head) const { return k_offset(layer, head) + k_head_bytes; }
};

struct KvPage {
  AlignedBytes data;
  // Guarded by the pool's lock.
  uint32_t n_users = 0;
  bool cached = false;  // one of the users is a cache, which lets go of it when the room is needed
};

// From any thread: sequences of different threads share a pool.
class KvPool {
 public:
  KvPool(const KvShape& shape, size_t max_pages) : shape_(shape), max_pages_(max_pages) {}

  // A page with one user and undefined content. Error: out_of_memory.
  Result<KvPage*> take();
  void retain(KvPage* page);
  void release(KvPage* page);
  // The same for the one use by a cache.
  void retain_cached(KvPage* page);
  void release_cached(KvPage* page);
  // A page with the content of `page` that its user alone may write: itself, or a copy for one of its uses.
  Result<KvPage*> make_own(KvPage* page);
  // Whether a cache alone uses it.
  [[nodiscard]] bool is_idle(const KvPage* page) const;
  // Of these pages, those that nobody but their user and a cache has.
  [[nodiscard]] size_t n_own(std::span<KvPage* const> pages) const;

  [[nodiscard]] const KvShape& shape() const { return shape_; }
  [[nodiscard]] size_t n_used() const;
  // Those of them that a cache alone uses.
  [[nodiscard]] size_t n_idle() const;
  [[nodiscard]] size_t max_pages() const { return max_pages_; }

 private:
  Result<KvPage*> take_locked();
  void release_locked(KvPage* page);
  static bool is_idle_locked(const KvPage* page) { return page->cached && page->n_users == 1; }

  KvShape shape_;
  size_t max_pages_;
  mutable std::mutex mutex_;
  size_t n_used_ = 0, n_idle_ = 0;
  std::vector<std::unique_ptr<KvPage>> all_;
  std::vector<KvPage*> free_;
};

}  // namespace quipu::backend::cpu

namespace quipu::model {

// The pages of one sequence. Positions 0 .. size() - 1 are filled.
class KvSequence {
 public:
  explicit KvSequence(std::shared_ptr<backend::cpu::KvPool> pool) : pool_(std::move(pool)) {}
  ~KvSequence() { truncate(0); }
  KvSequence(const KvSequence&) = delete;
  KvSequence& operator=(const KvSequence&) = delete;

  [[nodiscard]] uint32_t size() const { return n_positions_; }
  // Room for `n` more positions that this sequence alone may write. On an error nothing has changed for the caller.
  Status reserve(uint32_t n);
  // Counts `n` positions as filled; they must be reserved.
  void advance(uint32_t n);
  // Forgets the positions from `n` on.
  void truncate(uint32_t n);
  // Another sequence with the same content; the pages are shared until one of them is written.
  [[nodiscard]] std::unique_ptr<KvSequence> fork() const;

  // Becomes `n` positions long, whose pages from page `first` on are these of other users. Those before are kept.
  void share(size_t first, std::span<backend::cpu::KvPage* const> pages, uint32_t n);
  // Takes another's page of the same content in place of page `index`.
  void replace(size_t index, backend::cpu::KvPage* page);
  // The same as pages(), to be shared.
  [[nodiscard]] std::span<backend::cpu::KvPage* const> shared_pages() const { return pages_; }
  [[nodiscard]] const std::shared_ptr<backend::cpu::KvPool>& pool() const { return pool_; }

  // The pages in the order of positions: valid until the sequence changes.
  [[nodiscard]] std::span<std::byte* const> pages() const { return data_; }
  [[nodiscard]] const backend::cpu::KvShape& shape() const { return pool_->shape(); }

 private:
  std::shared_ptr<backend::cpu::KvPool> pool_;
  std::vector<backend::cpu::KvPage*> pages_;
  std::vector<std::byte*> data_;  // of pages_
  uint32_t n_positions_ = 0;
};

}  // namespace quipu::model
