// The last step: a token at random, each with its probability.
#pragma once

#include <cstddef>

#include "base/random.h"
#include "sample/candidates.h"

namespace quipu::sample {

// Draws by inversion of the cumulative sum of the candidates' p, which must sum to 1 (softmax()), with one random
// number. Returns an index into list(); never one whose p is 0.
inline size_t draw(Candidates& candidates, Random& random) {
  const auto& list = candidates.list();
  const double u = random.uniform();
  double sum = 0.0;
  size_t last = 0;  // for when rounding leaves the sum below u
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].p <= 0.0) continue;
    sum += list[i].p;
    last = i;
    if (u < sum) break;
  }
  return last;
}

}  // namespace quipu::sample
