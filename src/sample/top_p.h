// Nucleus sampling (Holtzman, Buys, Du, Forbes, Choi 2019, "The Curious Case of Neural Text Degeneration",
// section 3.1).
#pragma once

#include <cstddef>

#include "sample/candidates.h"

namespace quipu::sample {

// Keeps the most probable tokens, as few as have at least probability p together, at least min_keep. p >= 1: off.
void top_p(Candidates& candidates, float p, size_t min_keep);

}  // namespace quipu::sample
