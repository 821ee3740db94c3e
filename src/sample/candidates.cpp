#include "sample/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace quipu::sample {

namespace {

constexpr float kOut = -std::numeric_limits<float>::infinity();

bool before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Floats looked at together: enough for the compiler to use whole vectors, few enough to be skipped often.
constexpr size_t kBlock = 64;

bool any_above(const float* x, float threshold) {
  int found = 0;
  for (size_t i = 0; i < kBlock; ++i) found |= x[i] > threshold ? 1 : 0;
  return found != 0;
}

// NaN becomes -infinity and +infinity the largest float. Written as two selections, which vectorise.
void copy_bounded(const float* from, float* to, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float no_nan = kOut < from[i] ? from[i] : kOut;
    to[i] = kLargestFloat < no_nan ? kLargestFloat : no_nan;
  }
}

void apply_mask(std::span<float> row, std::span<const uint32_t> allowed) {
  for (size_t begin = 0; begin < row.size(); begin += 32) {
    const uint32_t word = allowed[begin / 32];
    if (word == UINT32_MAX) continue;
    const size_t end = std::min(begin + 32, row.size());
    for (size_t i = begin; i < end; ++i) {
      if (((word >> (i - begin)) & 1u) == 0) row[i] = kOut;
    }
  }
}

}  // namespace

float Candidates::bounded(float logit) {
  return std::isnan(logit) ? -kLargestFloat : std::clamp(logit, -kLargestFloat, kLargestFloat);
}

bool Candidates::assign(std::span<const float> logits, std::span<const uint32_t> allowed) {
  QUIPU_CHECK(logits.size() == row_.size());
  QUIPU_CHECK(allowed.empty() || allowed.size() >= (row_.size() + 31) / 32);
  in_row_ = true;
  list_.clear();
  n_ordered_ = 0;
  copy_bounded(logits.data(), row_.data(), row_.size());
  if (!allowed.empty()) apply_mask(row_, allowed);
  return any();
}

bool Candidates::any() const {
  return in_row_ ? std::any_of(row_.begin(), row_.end(), [](float x) { return x > kOut; }) : !list_.empty();
}

std::vector<Candidate>& Candidates::list() {
  if (in_row_) {
    in_row_ = false;
    list_.reserve(row_.size());
    for (size_t i = 0; i < row_.size(); ++i) {
      if (row_[i] > kOut) list_.push_back({static_cast<Token>(i), row_[i], 0.0});
    }
  }
  return list_;
}

float Candidates::largest_logit() const {
  if (in_row_) return *std::max_element(row_.begin(), row_.end());
  if (n_ordered_ > 0) return list_.front().logit;
  float largest = kOut;
  for (const Candidate& c : list_) largest = std::max(largest, c.logit);
  return largest;
}

void Candidates::keep_from(double threshold) {
  threshold = std::min(threshold, static_cast<double>(largest_logit()));
  if (in_row_) {
    for (float& x : row_) x = x < threshold ? kOut : x;
    return;
  }
  if (n_ordered_ == list_.size()) {
    const auto end =
        std::partition_point(list_.begin(), list_.end(), [=](const Candidate& c) { return c.logit >= threshold; });
    keep_first(static_cast<size_t>(end - list_.begin()));
    return;
  }
  std::erase_if(list_, [=](const Candidate& c) { return c.logit < threshold; });
  n_ordered_ = std::min(n_ordered_, list_.size());
}

void Candidates::keep_largest(size_t n) {
  // A buffer of four times n must stay small beside the row for the scan to pay.
  if (in_row_ && n <= row_.size() / 8) {
    select_from_row(n);
  } else {
    n = std::min(n, list().size());
    order_first(n);
    keep_first(n);
  }
}

// One pass over the row with a rising threshold: a block without anything above it is skipped after one comparison
// per float. Each pruning of the buffer costs its size and follows as many insertions, so the whole is linear.
void Candidates::select_from_row(size_t n) {
  const size_t capacity = std::max<size_t>(4 * n, 256);
  in_row_ = false;
  list_.reserve(capacity + kBlock);
  float threshold = kOut;
  const auto prune = [&] {
    std::nth_element(list_.begin(), list_.begin() + static_cast<ptrdiff_t>(n - 1), list_.end(), before);
    list_.resize(n);
    threshold = list_.back().logit;  // an equal logit further on has a larger id, and loses
  };
  for (size_t begin = 0; begin < row_.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, row_.size());
    if (end - begin == kBlock && !any_above(&row_[begin], threshold)) continue;
    for (size_t i = begin; i < end; ++i) {
      if (row_[i] > threshold) list_.push_back({static_cast<Token>(i), row_[i], 0.0});
    }
    if (list_.size() >= capacity) prune();
  }
  if (list_.size() > n) prune();
  std::sort(list_.begin(), list_.end(), before);
  n_ordered_ = list_.size();
}

void Candidates::keep_first(size_t n) {
  list().resize(std::min(n, list().size()));
  n_ordered_ = std::min(n_ordered_, list_.size());
}

void Candidates::order_first(size_t n) {
  list();
  n = std::min(n, list_.size());
  if (n <= n_ordered_) return;
  const auto begin = list_.begin() + static_cast<ptrdiff_t>(n_ordered_);
  const auto end = list_.begin() + static_cast<ptrdiff_t>(n);
  if (end != list_.end()) std::nth_element(begin, end - 1, list_.end(), before);
  std::sort(begin, end, before);
  n_ordered_ = n;
}

void Candidates::softmax() {
  list();
  const double largest = largest_logit();
  double sum = 0.0;
  for (Candidate& c : list_) sum += c.p = std::exp(static_cast<double>(c.logit) - largest);
  for (Candidate& c : list_) c.p /= sum;
}

}  // namespace quipu::sample
