// The float32 reference in tests/truth/data and the distance from it (as measure.py has it).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace quipu::truth {

inline constexpr size_t kTop = 50;

struct Document {
  std::string name;
  std::vector<int32_t> ids;
  // For tokens 1 ... ids.size() - 1:
  std::span<const float> logprob;
  std::span<const uint16_t> top_ids;    // [ids.size() - 1][kTop]
  std::span<const float> top_logprobs;  // [ids.size() - 1][kTop]
};

struct Chat {
  std::string question;
  std::vector<int32_t> prompt, answer;
};

struct Truth {
  std::vector<Document> documents;
  std::vector<Chat> chats;
  int32_t eos = 0;
  // What llama.cpp shows on the same file and tokens.
  double llamacpp_mean_abs_delta = 0, llamacpp_kl = 0;
  size_t llamacpp_greedy_changed = 0;

  std::vector<float> logprob, top_logprobs;
  std::vector<uint16_t> top_ids;
};
Result<Truth> read_truth();

// Means over the rows that were added.
class Difference {
 public:
  // `logits` [n_vocab] predict token row + 1 of the document.
  void add(const Document& document, size_t row, std::span<const float> logits);

  [[nodiscard]] size_t n_tokens() const { return n_; }
  [[nodiscard]] double mean_abs_delta() const { return delta_ / static_cast<double>(n_); }
  [[nodiscard]] double max_abs_delta() const { return max_delta_; }
  // KL(reference || other), the reference's 50 best tokens one by one and all others as one group: a lower bound.
  [[nodiscard]] double kl() const { return kl_ / static_cast<double>(n_); }

 private:
  size_t n_ = 0;
  double delta_ = 0, max_delta_ = 0, kl_ = 0;
};

}  // namespace quipu::truth
