#include "sample/temperature.h"

#include <algorithm>
#include <cmath>

namespace quipu::sample {

namespace {

double dynamic_temperature(Candidates& candidates, const TemperatureParams& params) {
  const double low = std::max(0.0, static_cast<double>(params.temperature) - params.range);
  const double high = static_cast<double>(params.temperature) + params.range;
  candidates.softmax();
  const auto& list = candidates.list();
  if (list.size() < 2) return params.temperature;
  double entropy = 0.0;
  for (const Candidate& c : list) entropy -= c.p > 0.0 ? c.p * std::log(c.p) : 0.0;
  const double share = std::clamp(entropy / std::log(static_cast<double>(list.size())), 0.0, 1.0);
  return low + (high - low) * std::pow(share, static_cast<double>(params.exponent));
}

}  // namespace

void temperature(Candidates& candidates, const TemperatureParams& params) {
  double t = params.temperature;
  if (t > 0.0 && params.range > 0.0f) t = dynamic_temperature(candidates, params);
  if (t <= 0.0) {
    candidates.keep_largest(1);
    return;
  }
  // Where a tiny T would drive the largest logit out of the floats, the distances to it are divided instead.
  const double largest = candidates.largest_logit();
  const double shift = std::abs(largest / t) > kLargestFloat ? largest : 0.0;
  for (Candidate& c : candidates.list()) {
    c.logit = static_cast<float>(std::clamp<double>((c.logit - shift) / t, -kLargestFloat, kLargestFloat));
  }
}

}  // namespace quipu::sample
