// Repetition penalty (Keskar et al. 2019, "CTRL", section 4.1: a positive logit is divided, a negative one multiplied),
// and the presence and frequency penalties of the OpenAI API, over the last repeat_last_n tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "sample/candidates.h"
#include "sample/history.h"

namespace quipu::sample {

struct PenaltyParams {
  float repeat = 1.0f, presence = 0.0f, frequency = 0.0f;
  int32_t last_n = 64;  // 0: off, -1: all

  [[nodiscard]] bool active() const { return last_n != 0 && (repeat != 1.0f || presence != 0.0f || frequency != 0.0f); }
};

class Penalties {
 public:
  Penalties(const PenaltyParams& params, int32_t n_vocab);

  // For a token with c > 0 occurrences: logit = penalised(logit) - c * frequency - presence.
  void apply(Candidates& candidates);
  // `token` must be below n_vocab.
  void accept(Token token);
  void reset() { history_.clear(); }

 private:
  PenaltyParams params_;
  History<Token> history_;
  std::vector<int32_t> count_;  // by token; zero outside apply()
  std::vector<Token> distinct_;
};

}  // namespace quipu::sample
