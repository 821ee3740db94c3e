// Logit bias: a number added to the logits of named tokens, -infinity forbids them (the OpenAI API's `logit_bias`,
// llama.cpp's `--logit-bias`).
#pragma once

#include <span>
#include <utility>

#include "sample/candidates.h"

namespace quipu::sample {

// Biases of the same token add up. Token ids must be in the row; candidates must still be a row.
void logit_bias(Candidates& candidates, std::span<const std::pair<Token, float>> bias);

}  // namespace quipu::sample
