// The ranges of SamplingParams, and the names of the stages.
#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>

#include <fmt/ranges.h>

#include "base/check.h"
#include "sample/sampler.h"
#include "sample/stages.h"

namespace quipu::sample {

namespace {

constexpr std::array<std::string_view, 9> kNames{"penalties", "dry",   "top_n_sigma", "top_k",      "typ_p",
                                                 "top_p",     "min_p", "xtc",         "temperature"};

struct Alias {
  std::string_view alias;
  Stage stage;
};
constexpr std::array kAliases{
    Alias{"top-n-sigma", Stage::top_n_sigma},
    Alias{"top-k", Stage::top_k},
    Alias{"typ-p", Stage::typ_p},
    Alias{"typical-p", Stage::typ_p},
    Alias{"typical_p", Stage::typ_p},
    Alias{"typical", Stage::typ_p},
    Alias{"typ", Stage::typ_p},
    Alias{"top-p", Stage::top_p},
    Alias{"nucleus", Stage::top_p},
    Alias{"min-p", Stage::min_p},
    Alias{"temp", Stage::temperature},
};

// A number of SamplingParams and where it may lie (both ends included).
template <typename T>
struct Range {
  std::string_view name;
  T value, least, most;
};

template <typename T>
Status check(const Range<T>& range) {
  if (range.value >= range.least && range.value <= range.most) return {};
  constexpr T kUnbounded = std::is_floating_point_v<T> ? static_cast<T>(FLT_MAX) : static_cast<T>(INT32_MAX);
  if (range.most != kUnbounded) {
    return invalid_input("{} is {}, but must be from {} to {}", range.name, range.value, range.least, range.most);
  }
  if (range.least == -kUnbounded)
    return invalid_input("{} is {}, but must be a finite number", range.name, range.value);
  return invalid_input("{} is {}, but must be {} or more", range.name, range.value, range.least);
}

Status check_numbers(const SamplingParams& p) {
  const std::array floats{
      Range<float>{"temperature", p.temperature, 0, FLT_MAX},
      Range<float>{"dynatemp_range", p.dynatemp_range, 0, FLT_MAX},
      Range<float>{"dynatemp_exponent", p.dynatemp_exponent, 0, FLT_MAX},
      Range<float>{"top_p", p.top_p, 0, 1},
      Range<float>{"min_p", p.min_p, 0, 1},
      Range<float>{"typical_p", p.typical_p, 0, 1},
      Range<float>{"top_n_sigma", p.top_n_sigma, -FLT_MAX, FLT_MAX},
      Range<float>{"xtc_probability", p.xtc_probability, 0, 1},
      Range<float>{"xtc_threshold", p.xtc_threshold, 0, 1},
      // Below this a logit divided by it leaves the floats for logits that models do give.
      Range<float>{"repeat_penalty", p.repeat_penalty, 1e-6f, FLT_MAX},
      Range<float>{"presence_penalty", p.presence_penalty, -FLT_MAX, FLT_MAX},
      Range<float>{"frequency_penalty", p.frequency_penalty, -FLT_MAX, FLT_MAX},
      Range<float>{"dry_multiplier", p.dry_multiplier, 0, FLT_MAX},
      Range<float>{"dry_base", p.dry_base, 1, FLT_MAX},
      Range<float>{"mirostat_tau", p.mirostat_tau, 0, FLT_MAX},
      Range<float>{"mirostat_eta", p.mirostat_eta, 0, FLT_MAX},
  };
  for (const auto& range : floats) QUIPU_CHECK_OK(check(range));
  const std::array integers{
      Range<int32_t>{"top_k", p.top_k, -1, INT32_MAX},
      Range<int32_t>{"repeat_last_n", p.repeat_last_n, -1, INT32_MAX},
      Range<int32_t>{"dry_allowed_length", p.dry_allowed_length, 0, INT32_MAX},
      Range<int32_t>{"dry_penalty_last_n", p.dry_penalty_last_n, -1, INT32_MAX},
      Range<int32_t>{"mirostat", p.mirostat, 0, 2},
      Range<int32_t>{"min_keep", p.min_keep, 0, INT32_MAX},
  };
  for (const auto& range : integers) QUIPU_CHECK_OK(check(range));
  return {};
}

// Each accepted token is searched for every breaker: the product bounds the time of a token.
constexpr size_t kMaxBreakers = 64, kMaxBreakerBytes = 128;

Status check_breakers(const std::vector<std::string>& breakers) {
  if (breakers.size() > kMaxBreakers) {
    return error_of(ErrorKind::limit_exceeded, "dry_sequence_breakers has {} entries, but {} are the most",
                    breakers.size(), kMaxBreakers);
  }
  for (size_t i = 0; i < breakers.size(); ++i) {
    if (breakers[i].empty() || breakers[i].size() > kMaxBreakerBytes) {
      return invalid_input("dry_sequence_breakers[{}] has {} bytes, but must have from 1 to {}", i, breakers[i].size(),
                           kMaxBreakerBytes);
    }
  }
  return {};
}

Status check_bias(const std::vector<std::pair<Token, float>>& bias, int32_t n_vocab) {
  for (const auto& [token, value] : bias) {
    if (token < 0 || token >= n_vocab) {
      return invalid_input("logit_bias names token {}, but must name one from 0 to {}", token, n_vocab - 1);
    }
    if (!(value <= FLT_MAX)) {
      return invalid_input("logit_bias of token {} is {}, but must be finite or -infinity", token, value);
    }
  }
  return {};
}

}  // namespace

std::span<const std::string_view> sampler_names() {
  return kNames;
}

Result<std::vector<Stage>> parse_order(const std::vector<std::string>& order) {
  std::vector<Stage> stages;
  for (const std::string& name : order) {
    std::optional<Stage> stage;
    for (size_t i = 0; i < kNames.size(); ++i) {
      if (kNames[i] == name) stage = static_cast<Stage>(i);
    }
    for (const Alias& a : kAliases) {
      if (a.alias == name) stage = a.stage;
    }
    if (!stage) {
      return invalid_input("order names the unknown sampler '{}'; the known ones are {}", name, fmt::join(kNames, " "));
    }
    if (std::find(stages.begin(), stages.end(), *stage) != stages.end()) {
      return invalid_input("order names the sampler '{}' twice", kNames[static_cast<size_t>(*stage)]);
    }
    stages.push_back(*stage);
  }
  return stages;
}

Status validate(const SamplingParams& params, int32_t n_vocab) {
  QUIPU_CHECK(n_vocab > 0);
  QUIPU_CHECK_OK(check_numbers(params));
  QUIPU_CHECK_OK(check_breakers(params.dry_sequence_breakers));
  QUIPU_CHECK_OK(check_bias(params.logit_bias, n_vocab));
  QUIPU_TRY([[maybe_unused]] const auto stages, parse_order(params.order));
  return {};
}

}  // namespace quipu::sample
