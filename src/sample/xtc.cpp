#include "sample/xtc.h"

#include <algorithm>

namespace quipu::sample {

void xtc(Candidates& candidates, float probability, float threshold, size_t min_keep, Random& random) {
  if (probability <= 0.0f || threshold > 0.5f) return;
  if (random.uniform() >= probability) return;
  candidates.softmax();
  auto& list = candidates.list();
  const auto is_top = [=](const Candidate& c) { return c.p >= threshold; };
  const auto n_top = static_cast<size_t>(std::count_if(list.begin(), list.end(), is_top));
  if (n_top < 2 || list.size() - (n_top - 1) < min_keep) return;
  candidates.order_first(n_top);
  list.erase(list.begin(), list.begin() + static_cast<ptrdiff_t>(n_top - 1));
  candidates.forget_order();
}

}  // namespace quipu::sample
