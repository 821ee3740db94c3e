// The ranges of SamplingParams, and the names of the stages.
#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "base/check.h"
#include "sample/candidates.h"
#include "sample/sampler.h"
#include "sample/settings.h"
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

// The values as they stand, NaN included, against the ranges of the table.
Status check_numbers(const SamplingParams& params) {
  for (const Setting& setting : settings()) {
    if (std::holds_alternative<uint64_t SamplingParams::*>(setting.field)) continue;  // every seed will do
    SamplingParams scratch;
    const double value = std::visit([&](auto field) { return static_cast<double>(params.*field); }, setting.field);
    QUIPU_CHECK_OK(set_number(scratch, setting, value));
  }
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
    if (!(value <= kLargestFloat)) {
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
