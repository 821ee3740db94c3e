#include "backend/cpu/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace quipu::backend::cpu {

Result<KvPage*> KvPool::take() {
  const std::lock_guard lock(mutex_);
  return take_locked();
}

Result<KvPage*> KvPool::take_locked() {
  if (free_.empty()) {
    if (all_.size() >= max_pages_)
      return error_of(ErrorKind::out_of_memory, "the KV cache is full: all {} pages of {} tokens are in use",
                      max_pages_, shape_.page_tokens);
    auto page = std::make_unique<KvPage>();
    page->data = aligned_bytes(shape_.page_bytes());
    if (page->data == nullptr)
      return error_of(ErrorKind::out_of_memory, "no memory for another {} bytes of KV cache ({} pages are in use)",
                      shape_.page_bytes(), n_used_);
    free_.push_back(page.get());
    all_.push_back(std::move(page));
  }
  KvPage* page = free_.back();
  free_.pop_back();
  page->n_users = 1;
  n_used_++;
  return page;
}

void KvPool::retain(KvPage* page) {
  const std::lock_guard lock(mutex_);
  if (is_idle_locked(page)) n_idle_--;
  page->n_users++;
}

void KvPool::retain_cached(KvPage* page) {
  const std::lock_guard lock(mutex_);
  QUIPU_CHECK(!page->cached && page->n_users > 0);
  page->cached = true;
  page->n_users++;
}

void KvPool::release_cached(KvPage* page) {
  const std::lock_guard lock(mutex_);
  QUIPU_CHECK(page->cached);
  if (is_idle_locked(page)) n_idle_--;
  page->cached = false;
  release_locked(page);
}

void KvPool::release(KvPage* page) {
  const std::lock_guard lock(mutex_);
  release_locked(page);
}

void KvPool::release_locked(KvPage* page) {
  QUIPU_CHECK(page->n_users > 0);
  page->n_users--;
  if (is_idle_locked(page)) n_idle_++;
  if (page->n_users > 0) return;
  n_used_--;
  free_.push_back(page);
}

Result<KvPage*> KvPool::make_own(KvPage* page) {
  const std::lock_guard lock(mutex_);
  if (page->n_users == 1) return page;
  QUIPU_TRY(KvPage * own, take_locked());
  std::memcpy(own->data.get(), page->data.get(), shape_.page_bytes());
  release_locked(page);
  return own;
}

bool KvPool::is_idle(const KvPage* page) const {
  const std::lock_guard lock(mutex_);
  return is_idle_locked(page);
}

size_t KvPool::n_own(std::span<KvPage* const> pages) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::ranges::count_if(pages, [](const KvPage* page) { return page->n_users == (page->cached ? 2U : 1U); }));
}

size_t KvPool::n_idle() const {
  const std::lock_guard lock(mutex_);
  return n_idle_;
}

size_t KvPool::n_used() const {
  const std::lock_guard lock(mutex_);
  return n_used_;
}

}  // namespace quipu::backend::cpu

namespace quipu::model {

Status KvSequence::reserve(uint32_t n) {
  const uint32_t page_tokens = shape().page_tokens;
  if (n_positions_ % page_tokens != 0) {
    const size_t last = n_positions_ / page_tokens;
    QUIPU_TRY(pages_[last], pool_->make_own(pages_[last]));
    data_[last] = pages_[last]->data.get();
  }
  const size_t n_needed = (size_t{n_positions_} + n + page_tokens - 1) / page_tokens;
  while (pages_.size() < n_needed) {
    QUIPU_TRY(auto* page, pool_->take());
    pages_.push_back(page);
    data_.push_back(page->data.get());
  }
  return {};
}

void KvSequence::advance(uint32_t n) {
  n_positions_ += n;
  QUIPU_CHECK(n_positions_ <= pages_.size() * shape().page_tokens);
}

void KvSequence::truncate(uint32_t n) {
  QUIPU_CHECK(n <= n_positions_);
  const uint32_t page_tokens = shape().page_tokens;
  const size_t n_kept = (size_t{n} + page_tokens - 1) / page_tokens;
  while (pages_.size() > n_kept) {
    pool_->release(pages_.back());
    pages_.pop_back();
    data_.pop_back();
  }
  n_positions_ = n;
}

void KvSequence::share(size_t first, std::span<backend::cpu::KvPage* const> pages, uint32_t n) {
  const uint32_t page_tokens = shape().page_tokens;
  QUIPU_CHECK(first + pages.size() == (size_t{n} + page_tokens - 1) / page_tokens);
  QUIPU_CHECK(first * page_tokens <= n_positions_);
  truncate(static_cast<uint32_t>(first * page_tokens));
  for (backend::cpu::KvPage* page : pages) {
    pool_->retain(page);
    pages_.push_back(page);
    data_.push_back(page->data.get());
  }
  n_positions_ = n;
}

void KvSequence::replace(size_t index, backend::cpu::KvPage* page) {
  pool_->retain(page);
  pool_->release(pages_[index]);
  pages_[index] = page;
  data_[index] = page->data.get();
}

std::unique_ptr<KvSequence> KvSequence::fork() const {
  auto other = std::make_unique<KvSequence>(pool_);
  const uint32_t page_tokens = shape().page_tokens;
  const size_t n_filled = (size_t{n_positions_} + page_tokens - 1) / page_tokens;
  for (size_t i = 0; i < n_filled; i++) {
    pool_->retain(pages_[i]);
    other->pages_.push_back(pages_[i]);
    other->data_.push_back(data_[i]);
  }
  other->n_positions_ = n_positions_;
  return other;
}

}  // namespace quipu::model
