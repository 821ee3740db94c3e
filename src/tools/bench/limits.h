// What the machine can do at best, measured.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"

namespace quipu::tools {

struct Limits {
  struct Read {
    std::string loop;
    double gb_per_s = 0.0;  // 10^9 bytes
  };
  struct Peak {
    std::string loop;
    double tera_operations_per_s = 0.0;
  };
  int n_threads = 0;
  size_t buffer_bytes = 0;
  std::vector<Read> reads;  // from memory, all threads together; every loop form that was tried
  std::vector<Peak> peaks;  // in registers, all threads together

  [[nodiscard]] const Read& best_read() const;
  [[nodiscard]] const Peak& best_peak() const;
};

// Takes some seconds. Error: out_of_memory when there is no room for a buffer larger than the caches.
Result<Limits> measure_limits(ThreadPool& pool);

}  // namespace quipu::tools
