#include "server/service/workers.h"

namespace quipu::server {

Workers::Workers(int n_threads, size_t n_queue) : n_queue_(n_queue) {
  for (int i = 0; i < n_threads; i++) threads_.emplace_back([this] { run(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  condition_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || queue_.size() >= n_queue_) return false;
    queue_.push_back(std::move(work));
  }
  condition_.notify_one();
  return true;
}

void Workers::run() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      condition_.wait(lock, [this] { return closed_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace quipu::server
