// Threads for what would keep the HTTP thread too long: parsing, templates, tokenizing, compiling schemas, loading.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quipu::server {

class Workers {
 public:
  Workers(int n_threads, size_t n_queue);
  // Finishes what was accepted.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // False if so much is waiting that the work is not accepted.
  bool post(std::function<void()> work);

 private:
  void run();

  size_t n_queue_;
  std::mutex mutex_;
  std::condition_variable condition_;
  std::deque<std::function<void()>> queue_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace quipu::server
