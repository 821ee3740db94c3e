// The last tokens of a sequence, oldest first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "sample/candidates.h"

namespace quipu::sample {

// Keeps the last `window` values (window < 0: all). Linear memory, so that the stages see one span: it grows to twice
// the window, then the older half is dropped.
template <typename T>
class History {
 public:
  explicit History(int32_t window) : window_(window < 0 ? SIZE_MAX : static_cast<size_t>(window)) {
    values_.reserve(2 * std::min(window_, kReserved));
  }

  void push(T value) {
    if (window_ == 0) return;
    if (window_ != SIZE_MAX && values_.size() >= 2 * window_) {
      values_.erase(values_.begin(), values_.end() - static_cast<ptrdiff_t>(window_ - 1));
    }
    values_.push_back(value);
  }
  [[nodiscard]] std::span<const T> last() const {
    const size_t n = std::min(window_, values_.size());
    return std::span<const T>(values_).last(n);
  }
  void clear() { values_.clear(); }

 private:
  static constexpr size_t kReserved = 4096;  // of larger windows, which may never fill, memory is taken as it is used
  size_t window_;
  std::vector<T> values_;
};

}  // namespace quipu::sample
