// Mirostat 1 and 2 (Basu, Ramachandran, Keskar, Varshney 2020, "Mirostat: A Neural Text Decoding Algorithm that
// Directly Controls Perplexity", algorithms 1 and 2): keeps the surprise of the text near tau bits a token.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "sample/candidates.h"

namespace quipu::sample {

struct MirostatParams {
  int32_t version = 0;  // 0: off
  float tau = 5.0f;     // the surprise to aim at, in bits
  float eta = 0.1f;     // the learning rate
};

// Picks the token itself, with one random number.
class Mirostat {
 public:
  Mirostat(const MirostatParams& params, int32_t n_vocab) : params_(params), n_vocab_(n_vocab) { reset(); }

  Token pick(Candidates& candidates, Random& random);
  void reset() { mu_ = 2.0 * params_.tau; }

 private:
  [[nodiscard]] size_t k_of_zipf(Candidates& candidates) const;

  MirostatParams params_;
  int32_t n_vocab_;
  double mu_ = 0.0;
};

}  // namespace quipu::sample
