#include "sample/penalties.h"

namespace quipu::sample {

Penalties::Penalties(const PenaltyParams& params, int32_t n_vocab)
    : params_(params),
      history_(params.active() ? params.last_n : 0),
      count_(params.active() ? static_cast<size_t>(n_vocab) : 0) {
  distinct_.reserve(params.active() && params.last_n > 0 ? std::min<size_t>(params.last_n, count_.size()) : 0);
}

void Penalties::accept(Token token) {
  history_.push(token);
}

void Penalties::apply(Candidates& candidates) {
  if (!params_.active()) return;
  distinct_.clear();
  for (const Token t : history_.last()) {
    if (count_[static_cast<size_t>(t)]++ == 0) distinct_.push_back(t);
  }
  candidates.adjust(distinct_, [&](Token t, float logit) {
    const int32_t count = count_[static_cast<size_t>(t)];
    if (count == 0) return logit;
    const float penalised = logit > 0.0f ? logit / params_.repeat : logit * params_.repeat;
    return penalised - static_cast<float>(count) * params_.frequency - params_.presence;
  });
  for (const Token t : distinct_) count_[static_cast<size_t>(t)] = 0;
}

}  // namespace quipu::sample
