#include "sample/min_p.h"

#include <algorithm>
#include <cmath>

namespace quipu::sample {

void min_p(Candidates& candidates, float p, size_t min_keep) {
  if (p <= 0.0f) return;
  const double threshold = candidates.largest_logit() + std::log(static_cast<double>(p));
  if (min_keep > 1) {
    const auto& list = candidates.list();
    const auto n = std::count_if(list.begin(), list.end(), [=](const Candidate& c) { return c.logit >= threshold; });
    if (static_cast<size_t>(n) < min_keep) return candidates.keep_largest(min_keep);
  }
  candidates.keep_from(threshold);
}

}  // namespace quipu::sample
