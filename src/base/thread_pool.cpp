#include "base/thread_pool.h"

#include "base/check.h"

namespace quipu {
namespace {

constexpr uint32_t kOpen = 1u << 31;

// About 50 microseconds on current machines: longer than the gap between two operations of a token, far shorter than
// what a person or an idle server would notice as a busy core.
constexpr int kSpinRounds = 2000;

inline void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");  // waits some tens of nanoseconds; `yield` does nothing on most cores
#endif
}

}  // namespace

ThreadPool::ThreadPool(int n_threads, int n_cores)
    : n_threads_(n_threads),
      spin_rounds_(n_threads <= n_cores ? kSpinRounds : 0),
      shares_(std::make_unique<Share[]>(static_cast<size_t>(n_threads))) {
  QUIPU_CHECK(n_threads >= 1);
  threads_.reserve(static_cast<size_t>(n_threads - 1));
  for (int thread = 1; thread < n_threads; thread++) threads_.emplace_back([this, thread] { worker(thread); });
}

ThreadPool::~ThreadPool() {
  leave_ = true;
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (auto& thread : threads_) thread.join();
}

template <typename Ready>
void ThreadPool::wait(std::atomic<uint32_t>& value, Ready ready) const {
  for (int i = 0; i < spin_rounds_; i++) {
    if (ready(value.load(std::memory_order_acquire))) return;
    pause_briefly();
  }
  for (uint32_t seen = value.load(std::memory_order_acquire); !ready(seen);
       seen = value.load(std::memory_order_acquire))
    value.wait(seen, std::memory_order_acquire);
}

void ThreadPool::run_erased(size_t n, void* body, Trampoline call) {
  if (n_threads_ == 1 || n <= 1) {
    for (size_t i = 0; i < n; i++) call(body, 0, i);
    return;
  }
  body_ = body;
  call_ = call;
  const auto n_shares = static_cast<size_t>(n_threads_);
  for (size_t t = 0; t < n_shares; t++) {
    shares_[t].next.store(n * t / n_shares, std::memory_order_relaxed);
    shares_[t].end = n * (t + 1) / n_shares;
  }
  gate_.store(kOpen, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  work(0);
  // Everything is taken: who has not come yet, since another process has its core, is not waited for.
  gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
  wait(gate_, [](uint32_t inside) { return inside == 0; });
}

bool ThreadPool::enter() {
  uint32_t gate = gate_.load(std::memory_order_relaxed);
  while ((gate & kOpen) != 0) {
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

void ThreadPool::exit() {
  if (gate_.fetch_sub(1, std::memory_order_acq_rel) == 1) gate_.notify_one();
}

void ThreadPool::work(int thread) {
  if (observer_ == nullptr) return take_shares(thread);
  const auto begin = std::chrono::steady_clock::now();
  take_shares(thread);
  observer_->on_work(thread, begin, std::chrono::steady_clock::now());
}

void ThreadPool::take_shares(int thread) {
  for (int i = 0; i < n_threads_; i++) {
    Share& share = shares_[static_cast<size_t>((thread + i) % n_threads_)];
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const size_t index = share.next.fetch_add(1, std::memory_order_relaxed);
      if (index < share.end) call_(body_, thread, index);
    }
  }
}

void ThreadPool::worker(int thread) {
  for (uint32_t seen = 0;;) {
    wait(epoch_, [seen](uint32_t epoch) { return epoch != seen; });
    seen = epoch_.load(std::memory_order_acquire);
    if (leave_) return;
    if (!enter()) continue;
    work(thread);
    exit();
  }
}

}  // namespace quipu
