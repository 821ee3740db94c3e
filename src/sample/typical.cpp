#include "sample/typical.h"

#include <algorithm>
#include <cmath>

namespace quipu::sample {

void Typical::apply(Candidates& candidates, float p, size_t min_keep) {
  if (p >= 1.0f) return;
  candidates.softmax();
  auto& list = candidates.list();
  double entropy = 0.0;
  for (const Candidate& c : list) entropy -= c.p > 0.0 ? c.p * std::log(c.p) : 0.0;
  by_distance_.clear();
  by_distance_.reserve(list.size());
  for (const Candidate& c : list) by_distance_.emplace_back(std::abs(-std::log(c.p) - entropy), c);
  std::sort(by_distance_.begin(), by_distance_.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.id < b.second.id;
  });
  double sum = 0.0;
  size_t n = 0;
  while (n < by_distance_.size() && (sum <= p || n < min_keep)) sum += by_distance_[n++].second.p;
  list.clear();
  for (size_t i = 0; i < n; ++i) list.push_back(by_distance_[i].second);
  candidates.forget_order();
}

}  // namespace quipu::sample
