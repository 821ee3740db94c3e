#include "sample/top_p.h"

#include <algorithm>

namespace quipu::sample {

void top_p(Candidates& candidates, float p, size_t min_keep) {
  if (p >= 1.0f) return;
  candidates.softmax();
  const auto& list = candidates.list();
  min_keep = std::max<size_t>(min_keep, 1);
  // The nucleus is small beside a vocabulary, so only as much as is looked at is put in order.
  size_t n_ordered = 0, n = 0;
  double sum = 0.0;
  while (n < list.size() && (sum < p || n < min_keep)) {
    if (n == n_ordered) {
      n_ordered = std::max<size_t>(8 * n_ordered, 64);
      candidates.order_first(n_ordered);
    }
    sum += list[n++].p;
  }
  candidates.keep_first(n);
}

}  // namespace quipu::sample
