// Min-p (Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", section 3).
#pragma once

#include <cstddef>

#include "sample/candidates.h"

namespace quipu::sample {

// Keeps the tokens of at least p times the largest probability, at least min_keep. p <= 0: off.
void min_p(Candidates& candidates, float p, size_t min_keep);

}  // namespace quipu::sample
