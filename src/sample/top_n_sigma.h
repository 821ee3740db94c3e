// Top-n-sigma (Tang et al. 2024, "Top-nσ: Not All Logits Are You Need", algorithm 1).
#pragma once

#include "sample/candidates.h"

namespace quipu::sample {

// Keeps the logits of at least max - n * (standard deviation of the survivors' logits). n <= 0: off.
void top_n_sigma(Candidates& candidates, float n);

}  // namespace quipu::sample
