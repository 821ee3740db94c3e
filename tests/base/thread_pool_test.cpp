#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

namespace quipu {
namespace {

TEST(ThreadPool, EveryIndexRunsOnceForAnyNumberOfThreads) {
  for (const int n_threads : {1, 2, 3, 8}) {
    ThreadPool pool(n_threads, 2);
    for (const size_t n : {0u, 1u, 2u, 3u, 7u, 64u, 1000u}) {
      std::vector<std::atomic<int>> seen(n);
      pool.run(n, [&](int thread, size_t index) {
        ASSERT_GE(thread, 0);
        ASSERT_LT(thread, n_threads);
        seen[index]++;
      });
      for (size_t i = 0; i < n; i++) EXPECT_EQ(seen[i], 1) << "index " << i << " of " << n;
    }
  }
}

TEST(ThreadPool, WritesOfOneRunAreSeenByTheNext) {
  ThreadPool pool(4, 2);
  std::vector<uint64_t> values(257, 1);
  for (int round = 0; round < 2000; round++)
    pool.run(values.size(), [&](int, size_t index) { values[index] += index; });
  for (size_t i = 0; i < values.size(); i++) EXPECT_EQ(values[i], 1 + 2000 * i);
}

TEST(ThreadPool, ASlowThreadsShareIsTakenOver) {
  ThreadPool pool(2, 2);
  std::atomic<int> done_by_other{0};
  pool.run(8, [&](int thread, size_t index) {
    if (index == 0) {
      while (done_by_other < 7) std::this_thread::yield();
    } else if (thread == 1) {
      done_by_other++;
    } else {
      ADD_FAILURE() << "thread 0 is held at index 0, so all others belong to thread 1";
    }
  });
  EXPECT_EQ(done_by_other, 7);
}

}  // namespace
}  // namespace quipu
