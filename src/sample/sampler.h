// Logits to a token: the chain of samplers that llama.cpp's users know, with the same names and defaults.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
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
  int32_t top_k = 40;  // 0: off
  float top_p = 0.95f;
  float min_p = 0.05f;
  float typical_p = 1.0f;
  float top_n_sigma = -1.0f;  // below 0: off
  float xtc_probability = 0.0f, xtc_threshold = 0.1f;
  float repeat_penalty = 1.0f, presence_penalty = 0.0f, frequency_penalty = 0.0f;
  int32_t repeat_last_n = 64;  // 0: off, -1: the whole context
  float dry_multiplier = 0.0f, dry_base = 1.75f;
  int32_t dry_allowed_length = 2, dry_penalty_last_n = -1;
  std::vector<std::string> dry_sequence_breakers{"\n", ":", "\"", "*"};
  int32_t mirostat = 0;  // 0: off, 1, 2
  float mirostat_tau = 5.0f, mirostat_eta = 0.1f;
  std::vector<std::pair<Token, float>> logit_bias;
  std::vector<std::string> order{"penalties", "dry",   "top_n_sigma", "top_k",      "typ_p",
                                 "top_p",     "min_p", "xtc",         "temperature"};
  int32_t min_keep = 0;
};

}  // namespace quipu::sample
