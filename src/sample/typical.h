// Locally typical sampling (Meister, Pimentel, Wiher, Cotterell 2022, "Locally Typical Sampling", section 3).
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "sample/candidates.h"

namespace quipu::sample {

// Keeps the tokens whose surprise is nearest to the entropy, as few as have more than probability p together, at
// least min_keep. p >= 1: off.
class Typical {
 public:
  void apply(Candidates& candidates, float p, size_t min_keep);

 private:
  std::vector<std::pair<double, Candidate>> by_distance_;
};

}  // namespace quipu::sample
