// The stages that SamplingParams::order arranges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace quipu::sample {

// In the order of sampler_names().
enum class Stage : uint8_t { penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc, temperature };

// Unknown and repeated names are errors.
Result<std::vector<Stage>> parse_order(const std::vector<std::string>& order);

}  // namespace quipu::sample
