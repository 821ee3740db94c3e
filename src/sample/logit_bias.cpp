#include "sample/logit_bias.h"

#include <cmath>

#include "base/check.h"

namespace quipu::sample {

void logit_bias(Candidates& candidates, std::span<const std::pair<Token, float>> bias) {
  QUIPU_CHECK(candidates.in_row());
  for (const auto& [token, value] : bias) {
    if (std::isinf(value)) {
      candidates.remove(token);
    } else {
      candidates.adjust({&token, 1}, [v = value](Token, float logit) { return logit + v; });
    }
  }
}

}  // namespace quipu::sample
