// What a model file says about the shape of its model, checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::model {

enum class RopeScaling : uint8_t { none, linear, yarn, llama3 };

// Rotary position embedding: Su et al. 2021; YaRN: Peng et al. 2023; llama3: Llama 3.1's reference code.
struct RopeParams {
  float base = 10000.0f;  // rope_theta
  uint32_t n_rot = 0;     // dimensions of a head that are rotated: even, at most the head's size
  RopeScaling scaling = RopeScaling::none;
  float factor = 1.0f;                                    // how many times longer the context is than in training
  uint32_t n_ctx_original = 0;                            // context of the training before scaling
  float attention_factor = 0.0f;                          // YaRN's magnitude; 0: 0.1 ln(factor) + 1
  float beta_fast = 32.0f, beta_slow = 1.0f;              // YaRN: rotations that bound the ramp
  float low_freq_factor = 1.0f, high_freq_factor = 4.0f;  // llama3
};

struct Hyperparameters {
  std::string architecture;  // "llama"
  std::string name;          // general.name, may be empty
  uint32_t n_vocab = 0, n_ctx_train = 0, n_embd = 0, n_layer = 0, n_ff = 0;
  uint32_t n_head = 0, n_head_kv = 0;       // query heads, and key/value heads (GQA)
  uint32_t head_dim_k = 0, head_dim_v = 0;  // need not be n_embd / n_head
  float rms_eps = 1e-5f;
  float attention_scale = 0.0f;  // of q.k; 1/sqrt(head_dim_k) if the file does not say
  RopeParams rope;
};

// Reads `{architecture}.*`. Every number is checked: zero, contradictory or absurdly large ones are errors that name
// the key.
Result<Hyperparameters> read_hyperparameters(const gguf::File& file);

// The angle per position of each rotated pair, and what sines and cosines are multiplied with.
struct RopeFrequencies {
  std::vector<float> inv_freq;  // [n_rot / 2]
  float magnitude = 1.0f;
};

// `freq_factors` ([n_rot / 2], rope_freqs.weight) divide the frequencies; empty: none.
RopeFrequencies rope_frequencies(const RopeParams& rope, const std::vector<float>& freq_factors);

}  // namespace quipu::model
