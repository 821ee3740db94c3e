// Any parameters, logits (NaN and infinities among them), mask and history: the sampler gives an error or a token of
// the vocabulary that the mask allows and whose logit is a number.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sample/sampler.h"

namespace {

using quipu::sample::SamplingParams;
using quipu::sample::Token;

// Takes values off the front of the input; zeros when it is used up.
struct Input {
  const uint8_t* data;
  size_t size;

  template <typename T>
  T take() {
    T value{};
    const size_t n = std::min(size, sizeof value);
    std::memcpy(&value, data, n);
    data += n, size -= n;
    return value;
  }
  // Mostly a usual number, sometimes any bit pattern.
  float number(float scale) {
    const auto kind = take<uint8_t>();
    return kind < 16 ? take<float>() : static_cast<float>(kind - 16) / 239.0f * scale;
  }
  int32_t integer(int32_t limit) {
    const auto kind = take<uint8_t>();
    return kind < 16 ? take<int32_t>() : kind % limit;
  }
};

SamplingParams take_params(Input& in) {
  SamplingParams p;
  p.seed = in.take<uint64_t>();
  p.temperature = in.number(2), p.dynatemp_range = in.number(2), p.dynatemp_exponent = in.number(2);
  p.top_k = in.integer(100), p.top_p = in.number(1), p.min_p = in.number(1), p.typical_p = in.number(1);
  p.top_n_sigma = in.number(3), p.xtc_probability = in.number(1), p.xtc_threshold = in.number(1);
  p.repeat_penalty = in.number(2), p.presence_penalty = in.number(2), p.frequency_penalty = in.number(2);
  p.repeat_last_n = in.integer(100), p.dry_multiplier = in.number(2), p.dry_base = in.number(3);
  p.dry_allowed_length = in.integer(5), p.dry_penalty_last_n = in.integer(100);
  p.mirostat = in.integer(3), p.mirostat_tau = in.number(8), p.mirostat_eta = in.number(1);
  p.min_keep = in.integer(10);
  const auto names = quipu::sample::sampler_names();
  p.order.clear();
  for (int n = in.integer(10); n > 0 && p.order.size() < 10; --n) {
    p.order.emplace_back(names[in.take<uint8_t>() % names.size()]);
  }
  p.dry_sequence_breakers.clear();
  for (int n = in.integer(4); n > 0 && p.dry_sequence_breakers.size() < 4; --n) {
    p.dry_sequence_breakers.emplace_back(static_cast<size_t>(in.take<uint8_t>() % 4), static_cast<char>('a' + n % 3));
  }
  for (int n = in.integer(4); n > 0 && p.logit_bias.size() < 4; --n) {
    p.logit_bias.emplace_back(in.integer(50), in.number(10));
  }
  return p;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in{data, size};
  const SamplingParams params = take_params(in);
  const int32_t n_vocab = 1 + in.take<uint8_t>();
  static const std::string letters = "abcabcabcdefghij";
  auto sampler = quipu::sample::Sampler::create(
      params, {n_vocab, [](Token t) { return std::string_view(letters).substr(static_cast<size_t>(t % 14), 2); }});
  if (!sampler.ok()) return 0;
  for (int step = 0; step < 4; ++step) {
    std::vector<float> logits(static_cast<size_t>(n_vocab));
    std::vector<uint32_t> mask((logits.size() + 31) / 32, UINT32_MAX);
    for (float& x : logits) x = in.number(20);
    const bool masked = in.take<uint8_t>() % 2 == 1;
    if (masked) {
      for (uint32_t& word : mask) word = in.take<uint32_t>();
    }
    for (int n = in.integer(30) % 64; n > 0; --n) sampler->accept(in.take<uint8_t>() % 6);
    const auto token = sampler->sample(logits, masked ? std::span<const uint32_t>(mask) : std::span<const uint32_t>());
    if (!token.ok()) continue;
    const auto t = static_cast<size_t>(*token);
    if (*token < 0 || *token >= n_vocab || std::isnan(logits[t]) || ((mask[t / 32] >> (t % 32)) & 1u) == 0)
      std::abort();
    sampler->accept(*token);
  }
  return 0;
}
