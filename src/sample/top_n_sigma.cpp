#include "sample/top_n_sigma.h"

#include <algorithm>
#include <cmath>

namespace quipu::sample {

namespace {

// Sums of (logit - max), so that large offsets cancel nothing.
struct Moments {
  double n = 0.0, sum = 0.0, sum_of_squares = 0.0;

  void add(double x) {
    n += 1.0;
    sum += x;
    sum_of_squares += x * x;
  }
  [[nodiscard]] double deviation() const {
    const double mean = sum / n;
    return std::sqrt(std::max(0.0, sum_of_squares / n - mean * mean));
  }
};

}  // namespace

void top_n_sigma(Candidates& candidates, float n) {
  if (n <= 0.0f) return;
  const double largest = candidates.largest_logit();
  Moments moments;
  if (candidates.in_row()) {
    for (const float x : candidates.row()) {
      if (std::isfinite(x)) moments.add(x - largest);
    }
  } else {
    for (const Candidate& c : candidates.list()) moments.add(c.logit - largest);
  }
  candidates.keep_from(largest - n * moments.deviation());
}

}  // namespace quipu::sample
