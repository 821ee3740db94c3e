// Log-probabilities of one row of logits, natural logarithm, before any sampling.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace quipu::sample {

using Token = int32_t;

struct TokenLogprob {
  Token id;
  float logprob;
};

// log-softmax of a row: logprob(t) = logits[t] - log(sum over u of exp(logits[u])), summed in double. Equal logits
// give equal floats. Holds a view of the logits.
class LogSoftmax {
 public:
  // `logits` [n_vocab], not empty. -infinity is probability 0; NaN, +infinity and nothing but -infinity are errors.
  static Result<LogSoftmax> of(std::span<const float> logits);

  [[nodiscard]] float logprob(Token token) const {
    return static_cast<float>(static_cast<double>(logits_[static_cast<size_t>(token)]) - log_sum_);
  }
  // The n most probable (all, if n is larger), most probable first, of equal ones the lower id first.
  [[nodiscard]] std::vector<TokenLogprob> top(size_t n) const;
  [[nodiscard]] double log_sum_exp() const { return log_sum_; }

 private:
  LogSoftmax(std::span<const float> logits, double log_sum) : logits_(logits), log_sum_(log_sum) {}
  std::span<const float> logits_;
  double log_sum_;
};

}  // namespace quipu::sample
