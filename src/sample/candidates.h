// The tokens that are still in the running, and what the stages of the chain do to them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace quipu::sample {

using Token = int32_t;

// Logits and what changes them are at most this.
inline constexpr float kLargestFloat = std::numeric_limits<float>::max();

struct Candidate {
  Token id;
  float logit;
  double p;  // set by Candidates::softmax(), stale after any change of a logit
};

// At first a row of n_vocab logits, -infinity for what is out; from the first stage that needs probabilities or an
// order on, a list of the survivors. Logits are finite or -infinity: NaN counts as -infinity, larger values as the
// largest float. A list is never empty if the row had one finite logit. Reuses its memory: no allocation once the
// buffers have grown. For one thread.
class Candidates {
 public:
  explicit Candidates(int32_t n_vocab) : row_(static_cast<size_t>(n_vocab)) {}

  // Takes a copy of `logits` [n_vocab]. `allowed`, if not empty: bit t % 32 of word t / 32 says whether token t may
  // be chosen. False if no token is left.
  bool assign(std::span<const float> logits, std::span<const uint32_t> allowed);

  // New logit = change(token, old logit) for each of `tokens` (distinct) that is still in the running. `change` must
  // return the old logit for a token that is not among them; what it returns is clamped to finite values.
  template <typename Change>
  void adjust(std::span<const Token> tokens, Change change) {
    if (in_row_) {
      for (const Token t : tokens) {
        float& logit = row_[static_cast<size_t>(t)];
        if (logit > kOut) logit = bounded(change(t, logit));
      }
    } else {
      for (Candidate& c : list_) c.logit = bounded(change(c.id, c.logit));
      n_ordered_ = 0;
    }
  }
  // Takes a token out of the row. The caller asks any() afterwards.
  void remove(Token token) { row_[static_cast<size_t>(token)] = kOut; }
  [[nodiscard]] bool any() const;

  // The survivors. The reference stays valid until assign().
  std::vector<Candidate>& list();
  // Drops what has a logit below `threshold`; nothing is dropped unless something is left.
  void keep_from(double threshold);
  // Keeps the n largest (n > 0), in order: logit downwards, then id upwards.
  void keep_largest(size_t n);
  // Keeps the first n of list(), in its order.
  void keep_first(size_t n);

  // Puts the n largest of list() in front, in the order of keep_largest(); cheap if they are already there.
  void order_first(size_t n);
  // Says that list() was reordered or its logits were changed.
  void forget_order() { n_ordered_ = 0; }
  // Sets p of every candidate in list(): softmax of the logits, in double, sum 1.
  void softmax();

  [[nodiscard]] float largest_logit() const;
  // While in_row(), row() says all there is.
  [[nodiscard]] bool in_row() const { return in_row_; }
  [[nodiscard]] std::span<const float> row() const { return row_; }

 private:
  static constexpr float kOut = -std::numeric_limits<float>::infinity();
  static float bounded(float logit);
  void select_from_row(size_t n);

  std::vector<float> row_;
  std::vector<Candidate> list_;
  size_t n_ordered_ = 0;  // so many at the front of list_ are the largest, in order
  bool in_row_ = true;
};

}  // namespace quipu::sample
