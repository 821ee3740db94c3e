#include "sample/dry.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace quipu::sample {

Dry::Dry(DryParams params, int32_t n_vocab, BytesOfToken bytes)
    : params_(std::move(params)),
      bytes_(std::move(bytes)),
      history_(params_.active() ? params_.last_n : 0),
      longest_(params_.active() ? static_cast<size_t>(n_vocab) : 0) {
  // Beyond this exponent base^x is no float any more.
  largest_exponent_ = params_.base > 1.0f ? std::log(kLargestFloat) / std::log(params_.base) : kLargestFloat;
  for (const std::string& breaker : params_.sequence_breakers) {
    longest_breaker_ = std::max(longest_breaker_, breaker.size());
  }
  QUIPU_CHECK(!params_.active() || params_.sequence_breakers.empty() || bytes_ != nullptr);
}

// Whether a breaker ends in `text` behind its first n_before bytes.
bool Dry::ends_breaker(std::string_view text, size_t n_before) const {
  return std::any_of(params_.sequence_breakers.begin(), params_.sequence_breakers.end(), [&](const std::string& b) {
    const size_t first = n_before >= b.size() ? n_before - b.size() + 1 : 0;
    return text.find(b, first) != std::string_view::npos;
  });
}

void Dry::accept(Token token) {
  if (!params_.active()) return;
  history_.push(token);
  ++n_since_breaker_;
  if (longest_breaker_ == 0) return;
  const size_t n_before = tail_.size();
  tail_ += bytes_(token);
  if (ends_breaker(tail_, n_before)) n_since_breaker_ = 0;
  if (tail_.size() > longest_breaker_ - 1) tail_.erase(0, tail_.size() - (longest_breaker_ - 1));
}

void Dry::reset() {
  history_.clear();
  n_since_breaker_ = 0;
  tail_.clear();
}

// Z-algorithm (Gusfield 1997, section 1.4) on the reversed text: match_[i] = how many tokens the text and the text
// without its last i tokens have in common at their ends, at most `limit`. Linear.
void Dry::find_matches(std::span<const Token> text, size_t limit) {
  const size_t n = text.size();
  const auto reversed = [&](size_t i) { return text[n - 1 - i]; };
  match_.assign(n, 0);
  size_t left = 0, right = 0;  // the match that reaches furthest covers [left, right) of the reversed text
  for (size_t i = 1; i < n; ++i) {
    size_t length = i < right ? std::min<size_t>(right - i, match_[i - left]) : 0;
    while (i + length < n && reversed(length) == reversed(i + length)) ++length;
    match_[i] = static_cast<uint32_t>(length);
    if (i + length > right) left = i, right = i + length;
  }
  for (uint32_t& length : match_) length = std::min(length, static_cast<uint32_t>(limit));
}

void Dry::apply(Candidates& candidates) {
  if (!params_.active()) return;
  const auto text = history_.last();
  const auto allowed = static_cast<size_t>(params_.allowed_length);
  const size_t limit = std::min(n_since_breaker_, text.size());
  if (text.size() < 2 || limit < allowed) return;
  find_matches(text, limit);
  repeated_.clear();
  for (size_t i = 1; i < text.size(); ++i) {
    if (match_[i] < allowed) continue;
    const Token next = text[text.size() - i];  // what followed the match
    uint32_t& longest = longest_[static_cast<size_t>(next)];
    if (longest == 0) repeated_.push_back(next);
    longest = std::max(longest, match_[i] + 1);
  }
  for (const Token t : repeated_) {
    if (longest_breaker_ != 0 && ends_breaker(bytes_(t), 0)) longest_[static_cast<size_t>(t)] = 0;
  }
  candidates.adjust(repeated_, [&](Token t, float logit) {
    const uint32_t longest = longest_[static_cast<size_t>(t)];
    if (longest == 0) return logit;
    const float exponent = static_cast<float>(longest - 1) - static_cast<float>(allowed);
    return logit - params_.multiplier * std::pow(params_.base, std::min(exponent, largest_exponent_));
  });
  for (const Token t : repeated_) longest_[static_cast<size_t>(t)] = 0;
}

}  // namespace quipu::sample
