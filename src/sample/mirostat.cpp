#include "sample/mirostat.h"

#include <algorithm>
#include <cmath>

#include "sample/draw.h"

namespace quipu::sample {

namespace {

// The paper estimates Zipf's exponent from the 100 most probable tokens.
constexpr size_t kEstimated = 100;

}  // namespace

// How many tokens to keep so that the expected surprise is mu (algorithm 1, equations 30 and 31 of its appendix).
size_t Mirostat::k_of_zipf(Candidates& candidates) const {
  const auto& list = candidates.list();
  double sum_tb = 0.0, sum_tt = 0.0;
  for (size_t i = 0; i + 1 < std::min(kEstimated, list.size()); ++i) {
    if (list[i + 1].p <= 0.0) break;
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    sum_tb += t * std::log(list[i].p / list[i + 1].p);
    sum_tt += t * t;
  }
  if (sum_tt == 0.0) return 1;
  const double s = sum_tb / sum_tt, epsilon = s - 1.0;
  const double k =
      std::pow(epsilon * std::pow(2.0, mu_) / (1.0 - std::pow(static_cast<double>(n_vocab_), -epsilon)), 1.0 / s);
  // A flat start (s = 0, or s = 1 exactly) has no k: nothing is cut.
  if (!(k < static_cast<double>(list.size()))) return list.size();
  return std::max<size_t>(static_cast<size_t>(k), 1);
}

Token Mirostat::pick(Candidates& candidates, Random& random) {
  candidates.softmax();
  if (params_.version == 1) {
    candidates.order_first(kEstimated);
    const size_t k = k_of_zipf(candidates);
    candidates.order_first(k);
    candidates.keep_first(k);
  } else {
    // -log2 p > mu is cut; in logits: below max + ln(2^-mu / p_max).
    const auto& list = candidates.list();
    double p_max = 0.0;
    for (const Candidate& c : list) p_max = std::max(p_max, c.p);
    const double threshold = candidates.largest_logit() - mu_ * std::log(2.0) - std::log(p_max);
    candidates.keep_from(threshold);
  }
  candidates.softmax();
  const Candidate& chosen = candidates.list()[draw(candidates, random)];
  mu_ -= params_.eta * (-std::log2(chosen.p) - params_.tau);
  return chosen.id;
}

}  // namespace quipu::sample
