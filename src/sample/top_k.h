// Top-k (Fan, Lewis, Dauphin 2018, "Hierarchical Neural Story Generation", section 5.4).
#pragma once

#include "sample/candidates.h"

namespace quipu::sample {

// Keeps the k largest logits, of equal ones those with the lower ids. k <= 0: off.
inline void top_k(Candidates& candidates, int32_t k) {
  if (k > 0) candidates.keep_largest(static_cast<size_t>(k));
}

}  // namespace quipu::sample
