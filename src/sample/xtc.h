// XTC, "exclude top choices" (p-e-w, text-generation-webui pull request 6335).
#pragma once

#include <cstddef>

#include "base/random.h"
#include "sample/candidates.h"

namespace quipu::sample {

// With the given probability: of the tokens that are at least as probable as `threshold`, all but the least probable
// are dropped, unless fewer than min_keep would be left. One random number if probability > 0 and threshold <= 0.5
// (above, no two tokens can reach it), else none.
void xtc(Candidates& candidates, float probability, float threshold, size_t min_keep, Random& random);

}  // namespace quipu::sample
