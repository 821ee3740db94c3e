#include "sample/logprobs.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/check.h"

namespace quipu::sample {

Result<LogSoftmax> LogSoftmax::of(std::span<const float> logits) {
  QUIPU_CHECK(!logits.empty());
  float largest = -std::numeric_limits<float>::infinity();
  for (size_t t = 0; t < logits.size(); ++t) {
    if (!(logits[t] < std::numeric_limits<float>::infinity())) {
      return invalid_input("the logit of token {} is {}, which has no probability", t, logits[t]);
    }
    largest = std::max(largest, logits[t]);
  }
  if (std::isinf(largest)) return invalid_input("all {} logits are -infinity", logits.size());
  double sum = 0.0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  return LogSoftmax(logits, largest + std::log(sum));
}

std::vector<TokenLogprob> LogSoftmax::top(size_t n) const {
  n = std::min(n, logits_.size());
  const auto before = [this](Token a, Token b) {
    const float x = logits_[static_cast<size_t>(a)], y = logits_[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  // A heap with the worst of the best in front: most tokens cost one comparison.
  std::vector<Token> best;
  best.reserve(n + 1);
  for (size_t i = 0; i < logits_.size() && n > 0; ++i) {
    const auto t = static_cast<Token>(i);
    if (best.size() == n && !before(t, best.front())) continue;
    best.push_back(t);
    std::push_heap(best.begin(), best.end(), before);
    if (best.size() > n) {
      std::pop_heap(best.begin(), best.end(), before);
      best.pop_back();
    }
  }
  std::sort(best.begin(), best.end(), before);
  std::vector<TokenLogprob> result;
  result.reserve(best.size());
  for (const Token t : best) result.push_back({t, logprob(t)});
  return result;
}

}  // namespace quipu::sample
