#include "backend/cpu/kv_cache.h"

#include <cstring>

#include "base/check.h"

namespace quipu::backend::cpu {

Result<KvPage*> KvPool::take() {
  if (free_.empty()) {
    if (all_.size() >= max_pages_)
      return error_of(ErrorKind::out_of_memory, "the KV cache is full: all {} pages of {} tokens are in use",
                      max_pages_, shape_.page_tokens);
    auto page = std::make_unique<KvPage>();
    page->data.reset(static_cast<std::byte*>(std::aligned_alloc(64, shape_.page_bytes())));
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

void KvPool::release(KvPage* page) {
  QUIPU_CHECK(page->n_users > 0);
  if (--page->n_users > 0) return;
  n_used_--;
  free_.push_back(page);
}

Result<KvPage*> KvPool::copy(KvPage* page) {
  QUIPU_TRY(KvPage * own, take());
  std::memcpy(own->data.get(), page->data.get(), shape_.page_bytes());
  release(page);
  return own;
}

}  // namespace quipu::backend::cpu

namespace quipu::model {

Status KvSequence::reserve(uint32_t n) {
  const uint32_t page_tokens = shape().page_tokens;
  if (n_positions_ % page_tokens != 0) {
    const size_t last = n_positions_ / page_tokens;
    if (pages_[last]->n_users > 1) {
      QUIPU_TRY(pages_[last], pool_->copy(pages_[last]));
      data_[last] = pages_[last]->data.get();
    }
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
