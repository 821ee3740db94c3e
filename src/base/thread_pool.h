// A persistent team of threads for short parallel loops. Work is split in advance, so that each thread streams its own
// part of the weights, and what is left of a slow thread's part is taken over by the others.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace quipu {

class ThreadPool {
 public:
  // `n_threads` >= 1; the caller of run() is thread 0, so n_threads - 1 are started. `n_cores` is how many may run at
  // once: with more threads than that, waiting threads sleep at once instead of spinning.
  ThreadPool(int n_threads, int n_cores);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int n_threads() const { return n_threads_; }

  // Is told when each thread worked on what run() was given: by that thread, before run() returns. Not of what is so
  // short that one thread does it.
  class Observer {
   public:
    using Time = std::chrono::steady_clock::time_point;
    virtual ~Observer() = default;
    virtual void on_work(int thread, Time begin, Time end) = 0;
  };
  // Null: nobody. Not during a run; outlives those that follow.
  void observe(Observer* observer) { observer_ = observer; }

  // Calls body(thread, index) once for each index in [0, n), from all threads, and returns when all are done. Index i
  // starts out with thread i * n_threads / n. `body` must not throw and must not call run() itself. One caller at a
  // time.
  template <typename Body>
  void run(size_t n, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run_erased(n, const_cast<void*>(static_cast<const void*>(&body)),
               [](void* b, int thread, size_t index) { (*static_cast<Plain*>(b))(thread, index); });
  }

 private:
  using Trampoline = void (*)(void* body, int thread, size_t index);
  // Own cache line each, since every thread counts up its own and only thieves touch another's.
  struct alignas(64) Share {
    std::atomic<size_t> next{0};
    size_t end = 0;
  };

  void run_erased(size_t n, void* body, Trampoline call);
  void work(int thread);
  void take_shares(int thread);
  void worker(int thread);
  bool enter();
  void exit();
  template <typename Ready>
  void wait(std::atomic<uint32_t>& value, Ready ready) const;

  int n_threads_;
  Observer* observer_ = nullptr;
  int spin_rounds_;
  std::unique_ptr<Share[]> shares_;
  void* body_ = nullptr;
  Trampoline call_ = nullptr;
  std::atomic<bool> leave_ = false;             // set before the last epoch begins
  alignas(64) std::atomic<uint32_t> epoch_{0};  // counts up with each run, and may wrap
  alignas(64) std::atomic<uint32_t> gate_{0};   // workers inside a run; the top bit set: more may come in
  std::vector<std::thread> threads_;
};

}  // namespace quipu
