// Logits to a token: the chain of samplers that llama.cpp's users know, with the same names and defaults.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace quipu::sample {

using Token = int32_t;

// Defaults are those of ../cli's table of flags, which reads them from here.
struct SamplingParams {
  uint64_t seed = UINT64_MAX;  // UINT64_MAX: drawn from the system once, then reported by Sampler::seed()
  float temperature = 0.8f;    // 0: greedy
  float dynatemp_range = 0.0f, dynatemp_exponent = 1.0f;
  int32_t top_k = 40;  // 0 or -1: off
  float top_p = 0.95f;
  float min_p = 0.05f;
  float typical_p = 1.0f;
  float top_n_sigma = -1.0f;  // 0 or below: off
  float xtc_probability = 0.0f, xtc_threshold = 0.1f;
  float repeat_penalty = 1.0f, presence_penalty = 0.0f, frequency_penalty = 0.0f;
  int32_t repeat_last_n = 64;  // 0: off, -1: all that was accepted
  float dry_multiplier = 0.0f, dry_base = 1.75f;
  int32_t dry_allowed_length = 2, dry_penalty_last_n = -1;
  std::vector<std::string> dry_sequence_breakers{"\n", ":", "\"", "*"};
  int32_t mirostat = 0;  // 0: off, 1, 2: in place of top_n_sigma, top_k, typ_p, top_p, min_p and xtc
  float mirostat_tau = 5.0f, mirostat_eta = 0.1f;
  std::vector<std::pair<Token, float>> logit_bias;  // -infinity forbids the token
  std::vector<std::string> order{"penalties", "dry",   "top_n_sigma", "top_k",      "typ_p",
                                 "top_p",     "min_p", "xtc",         "temperature"};
  int32_t min_keep = 0;  // typ_p, top_p, min_p and xtc leave at least so many tokens
};

// What the chain must know of the vocabulary.
struct VocabInfo {
  int32_t n_vocab = 0;
  // The bytes of a token, valid as long as the sampler and its copies live; from any thread. Only DRY with sequence
  // breakers asks for them; may be empty otherwise.
  std::function<std::string_view(Token)> bytes;
};

// The names that SamplingParams::order may hold, in the default order; their other spellings of llama.cpp
// ("top-k", "typical", "temp" ...) are taken too.
std::span<const std::string_view> sampler_names();

// Checks every number: what is out of range, NaN or unknown is an error that names the field and its range.
Status validate(const SamplingParams& params, int32_t n_vocab);

// One sequence's chain and its state: history, random numbers, mirostat's mu. Logit bias and mask come first, then
// the stages of `order`, then the draw; at temperature 0 the largest logit instead (of equal ones the lowest id).
// For one thread at a time; copies share nothing that changes.
class Sampler {
 public:
  static Result<Sampler> create(const SamplingParams& params, const VocabInfo& vocab);

  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;
  ~Sampler();

  // The next token by `logits` [n_vocab], which stay as they are. `allowed`, if not empty, is a mask of n_vocab bits
  // (token t: bit t % 32 of word t / 32). NaN logits are never chosen; an error if nothing is left to choose from.
  // Does not accept() the token. After the first call without allocation, except that a history without a window
  // grows.
  Result<Token> sample(std::span<const float> logits, std::span<const uint32_t> allowed = {});

  // Adds a token of the prompt or the answer to the history of penalties and DRY. Ids outside the vocabulary are
  // passed over.
  void accept(Token token);
  // Back to the state after create(): the same seed, an empty history.
  void reset();
  // The seed in use, also when it was drawn from the system.
  [[nodiscard]] uint64_t seed() const;
  // A copy with the same state; with another seed, whose random numbers begin anew, if one is given.
  [[nodiscard]] Sampler clone(std::optional<uint64_t> seed = std::nullopt) const;

 private:
  struct State;
  explicit Sampler(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quipu::sample
