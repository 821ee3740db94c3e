// Temperature (Ackley, Hinton, Sejnowski 1985), and dynamic temperature by entropy (kalomaze, koboldcpp 1.57;
// llama.cpp pull request 4972).
#pragma once

#include "sample/candidates.h"

namespace quipu::sample {

struct TemperatureParams {
  float temperature = 0.8f;  // 0: greedy, whatever the range
  float range = 0.0f;        // 0: constant
  float exponent = 1.0f;
};

// Logits become logit / T. With a range, T = low + (high - low) * (entropy / log n)^exponent between
// low = max(0, temperature - range) and high = temperature + range over the n survivors. T = 0 keeps the largest
// logit, of equal ones that with the lowest id.
void temperature(Candidates& candidates, const TemperatureParams& params);

}  // namespace quipu::sample
