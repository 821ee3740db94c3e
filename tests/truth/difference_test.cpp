// Reading the reference, and the distance from it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/checked.h"
#include "platform/platform.h"
#include "truth.h"

namespace quipu::truth {
namespace {

constexpr uint64_t kMaxFileBytes = 16u << 20;

Result<nlohmann::json> read_json(const std::string& path) {
  QUIPU_TRY(const std::string text, platform::read_file(path, kMaxFileBytes));
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return invalid_input("{} is no JSON", path);
  return json;
}

template <typename T>
const char* take(const char* from, std::vector<T>& to) {
  std::memcpy(to.data(), from, to.size() * sizeof(T));
  return from + to.size() * sizeof(T);
}

}  // namespace

Result<Truth> read_truth() {
  const std::string folder = QUIPU_SOURCE_DIR "/tests/truth/data/";
  QUIPU_TRY(const auto record, read_json(folder + "truth.json"));
  QUIPU_TRY(const auto llamacpp, read_json(folder + "llamacpp.json"));
  QUIPU_TRY(const std::string bytes, platform::read_file(folder + "truth.bin", kMaxFileBytes));

  Truth truth;
  truth.eos = record["eos"];
  truth.llamacpp_mean_abs_delta = llamacpp["batch"]["mean_abs_delta_nats"];
  truth.llamacpp_kl = llamacpp["batch"]["kl_nats"];
  truth.llamacpp_greedy_changed = llamacpp["greedy_changed"];
  for (const auto& chat : record["chats"]) {
    truth.chats.push_back({chat["question"], chat["prompt"], chat["answer"]});
  }
  size_t n_rows = 0;
  for (const auto& document : record["documents"]) {
    truth.documents.push_back({document["name"], document["ids"], {}, {}, {}});
    n_rows += truth.documents.back().ids.size() - 1;
  }
  truth.logprob.resize(n_rows);
  truth.top_ids.resize(n_rows * kTop);
  truth.top_logprobs.resize(n_rows * kTop);
  if (bytes.size() != n_rows * (sizeof(float) + kTop * (sizeof(uint16_t) + sizeof(float)))) {
    return invalid_input("truth.bin does not fit to truth.json");
  }
  take(take(take(bytes.data(), truth.logprob), truth.top_ids), truth.top_logprobs);
  size_t row = 0;
  for (Document& document : truth.documents) {
    const size_t n = document.ids.size() - 1;
    document.logprob = std::span(truth.logprob).subspan(row, n);
    document.top_ids = std::span(truth.top_ids).subspan(row * kTop, n * kTop);
    document.top_logprobs = std::span(truth.top_logprobs).subspan(row * kTop, n * kTop);
    row += n;
  }
  return truth;
}

void Difference::add(const Document& document, size_t row, std::span<const float> logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  const double log_sum = max + std::log(sum);

  const double delta = std::abs(logits[static_cast<size_t>(document.ids[row + 1])] - log_sum - document.logprob[row]);
  double kl = 0, rest_p = 1, rest_q = 1;
  for (size_t i = row * kTop; i < (row + 1) * kTop; ++i) {
    const double log_p = document.top_logprobs[i];
    const double log_q = logits[document.top_ids[i]] - log_sum;
    kl += std::exp(log_p) * (log_p - log_q);
    rest_p -= std::exp(log_p);
    rest_q -= std::exp(log_q);
  }
  // 1e-12 keeps the group's logarithm finite where rounding leaves it nothing.
  rest_p = std::max(rest_p, 1e-12);
  rest_q = std::max(rest_q, 1e-12);
  kl_ += kl + rest_p * std::log(rest_p / rest_q);
  delta_ += delta;
  max_delta_ = std::max(max_delta_, delta);
  ++n_;
}

// Logits made from the reference itself have no distance; one token's raised by a known amount has the known one.
TEST(Difference, IsZeroForTheReferenceAndKnownForAKnownChange) {
  const auto truth = read_truth();
  ASSERT_TRUE(truth.ok()) << truth.error().message;
  const Document& document = truth->documents[0];
  // A row whose next token is among the listed ones.
  const auto is_listed = [&](size_t r) {
    const auto begin = document.top_ids.begin() + static_cast<ptrdiff_t>(r * kTop);
    return std::find(begin, begin + kTop, document.ids[r + 1]) != begin + kTop;
  };
  size_t row = 3;
  while (!is_listed(row)) row++;
  const auto chosen = static_cast<size_t>(document.ids[row + 1]);
  std::vector<float> logits(49152, 0);
  double listed = 0;
  for (size_t i = row * kTop; i < (row + 1) * kTop; ++i) listed += std::exp(document.top_logprobs[i]);
  const auto rest = static_cast<float>(std::log((1 - listed) / (49152.0 - kTop)));
  std::fill(logits.begin(), logits.end(), rest);
  for (size_t i = row * kTop; i < (row + 1) * kTop; ++i) {
    logits[document.top_ids[i]] = document.top_logprobs[i];
  }
  Difference same;
  same.add(document, row, logits);
  EXPECT_LT(same.mean_abs_delta(), 1e-5);
  EXPECT_LT(std::abs(same.kl()), 1e-5);

  // p is the chosen token's probability: raising its logit by 1 divides all by 1 + p (e - 1).
  logits[chosen] += 1;
  const double p = std::exp(document.logprob[row]), grown = std::log(1 + p * (std::exp(1.0) - 1));
  Difference other;
  other.add(document, row, logits);
  EXPECT_NEAR(other.mean_abs_delta(), 1 - grown, 1e-5);
  EXPECT_NEAR(other.kl(), grown - p, 1e-5);
}

}  // namespace quipu::truth
