#include "backend/cpu/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

namespace quipu::backend::cpu {
namespace {

using model::KvSequence;

std::byte* keys(const KvSequence& s, size_t page, uint32_t layer, uint32_t head) {
  return s.pages()[page] + s.shape().k_offset(layer, head);
}
std::byte* values(const KvSequence& s, size_t page, uint32_t layer, uint32_t head) {
  return s.pages()[page] + s.shape().v_offset(layer, head);
}

constexpr KvShape kShape{.n_layer = 2, .n_head_kv = 3, .page_tokens = 4, .k_head_bytes = 64, .v_head_bytes = 128};

std::shared_ptr<KvPool> pool_of(size_t max_pages) {
  return std::make_shared<KvPool>(kShape, max_pages);
}

void fill(KvSequence& sequence, uint32_t n) {
  ASSERT_TRUE(sequence.reserve(n).ok());
  sequence.advance(n);
}

TEST(KvCache, PagesAreTakenAsTheyAreUsedAndComeBack) {
  const auto pool = pool_of(10);
  {
    KvSequence sequence(pool);
    EXPECT_EQ(pool->n_used(), 0u);
    fill(sequence, 1);
    EXPECT_EQ(pool->n_used(), 1u);
    fill(sequence, 3);
    EXPECT_EQ(pool->n_used(), 1u);
    fill(sequence, 1);
    EXPECT_EQ(pool->n_used(), 2u);
    sequence.truncate(4);
    EXPECT_EQ(pool->n_used(), 1u);
    EXPECT_EQ(sequence.size(), 4u);
  }
  EXPECT_EQ(pool->n_used(), 0u);
}

TEST(KvCache, HeadsOfAPageDoNotOverlap) {
  KvSequence sequence(pool_of(1));
  fill(sequence, 4);
  uint8_t mark = 0;
  for (uint32_t layer = 0; layer < 2; layer++)
    for (uint32_t head = 0; head < 3; head++) {
      std::memset(keys(sequence, 0, layer, head), ++mark, 64);
      std::memset(values(sequence, 0, layer, head), ++mark, 128);
    }
  mark = 0;
  for (uint32_t layer = 0; layer < 2; layer++)
    for (uint32_t head = 0; head < 3; head++) {
      EXPECT_EQ(keys(sequence, 0, layer, head)[63], std::byte{++mark});
      EXPECT_EQ(values(sequence, 0, layer, head)[127], std::byte{++mark});
    }
}

TEST(KvCache, ForksShareFullPagesAndCopyTheOneTheyWrite) {
  const auto pool = pool_of(10);
  KvSequence first(pool);
  fill(first, 6);
  *keys(first, 1, 0, 0) = std::byte{7};
  const auto second = first.fork();
  EXPECT_EQ(pool->n_used(), 2u);
  fill(*second, 1);
  EXPECT_EQ(pool->n_used(), 3u);
  EXPECT_EQ(keys(*second, 0, 0, 0), keys(first, 0, 0, 0));
  EXPECT_NE(keys(*second, 1, 0, 0), keys(first, 1, 0, 0));
  EXPECT_EQ(*keys(*second, 1, 0, 0), std::byte{7});
  *keys(*second, 1, 0, 0) = std::byte{9};
  EXPECT_EQ(*keys(first, 1, 0, 0), std::byte{7});
}

// A sequence that went back into a shared page writes there next.
TEST(KvCache, TruncatedForkDoesNotWriteIntoTheOther) {
  const auto pool = pool_of(10);
  KvSequence first(pool);
  fill(first, 8);
  *keys(first, 0, 0, 0) = std::byte{1};
  const auto second = first.fork();
  second->truncate(2);
  fill(*second, 1);
  *keys(*second, 0, 0, 0) = std::byte{2};
  EXPECT_EQ(*keys(first, 0, 0, 0), std::byte{1});
}

TEST(KvCache, AFullPoolIsAnErrorAndNothingLeaks) {
  const auto pool = pool_of(2);
  {
    KvSequence sequence(pool);
    fill(sequence, 8);
    const Status status = sequence.reserve(1);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::out_of_memory);
    EXPECT_EQ(sequence.size(), 8u);
  }
  EXPECT_EQ(pool->n_used(), 0u);
}

TEST(KvCache, SharedPagesCarryOnAndAreCopiedWhenWritten) {
  const auto pool = pool_of(10);
  KvSequence first(pool), second(pool);
  fill(first, 7);
  std::memset(first.pages()[1], 5, 64);
  second.share(0, first.shared_pages(), 6);
  EXPECT_EQ(second.size(), 6u);
  EXPECT_EQ(pool->n_used(), 2u);
  fill(second, 1);
  EXPECT_EQ(pool->n_used(), 3u);
  EXPECT_EQ(second.pages()[0], first.pages()[0]);
  EXPECT_NE(second.pages()[1], first.pages()[1]);
  EXPECT_EQ(second.pages()[1][63], std::byte{5});
  // From the second page on those of another.
  second.share(1, first.shared_pages().subspan(1), 7);
  EXPECT_EQ(second.pages()[1], first.pages()[1]);
  EXPECT_EQ(pool->n_used(), 2u);
}

TEST(KvCache, PagesThatACacheAloneUsesAreCounted) {
  const auto pool = pool_of(4);
  KvPage* page = nullptr;
  {
    KvSequence sequence(pool);
    fill(sequence, 8);
    page = sequence.shared_pages()[0];
    pool->retain_cached(page);
    EXPECT_EQ(pool->n_idle(), 0u);
    EXPECT_EQ(pool->n_own(sequence.shared_pages()), 2u);
    const auto fork = sequence.fork();
    EXPECT_EQ(pool->n_own(sequence.shared_pages()), 0u);
  }
  EXPECT_EQ(pool->n_used(), 1u);
  EXPECT_EQ(pool->n_idle(), 1u);
  EXPECT_TRUE(pool->is_idle(page));
  pool->retain(page);
  EXPECT_EQ(pool->n_idle(), 0u);
  pool->release(page);
  EXPECT_EQ(pool->n_idle(), 1u);
  pool->release_cached(page);
  EXPECT_EQ(pool->n_idle(), 0u);
  EXPECT_EQ(pool->n_used(), 0u);
}

}  // namespace
}  // namespace quipu::backend::cpu
