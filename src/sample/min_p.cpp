#include "sample/min_p.h"

#include <algorithm>
#include <cmath>

namespace quipu::sample {

void min_p(Candidates& candidates, float p, size_t min_keep) {
  if (p <= 0.0f) return;
  double threshold = candidates.largest_logit() + std::log(static_cast<double>(p));
  if (min_keep > 1) {
    candidates.order_first(min_keep);
    const auto& list = candidates.list();
    threshold = std::min<double>(threshold, list[std::min(min_keep, list.size()) - 1].logit);
  }
  candidates.keep_from(threshold);
}

}  // namespace quipu::sample
