// Means with their errors.
#pragma once

#include <cmath>
#include <cstddef>

namespace quipu::tools {

// Mean and standard error of the mean of values that come one by one (Welford 1962).
class Mean {
 public:
  void add(double x) {
    ++n_;
    const double before = x - mean_;
    mean_ += before / static_cast<double>(n_);
    squares_ += before * (x - mean_);
  }
  [[nodiscard]] size_t n() const { return n_; }
  [[nodiscard]] double mean() const { return mean_; }
  // 0 for fewer than two values.
  [[nodiscard]] double error() const {
    return n_ < 2 ? 0.0 : std::sqrt(squares_ / static_cast<double>(n_ - 1) / static_cast<double>(n_));
  }

 private:
  size_t n_ = 0;
  double mean_ = 0.0, squares_ = 0.0;
};

}  // namespace quipu::tools
