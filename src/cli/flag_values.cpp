#include "cli/flag_values.h"

#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <limits>

#include "sample/sampler.h"
#include "sample/settings.h"

namespace quipu::cli {

Status add_model(Options& options, std::string_view value) {
  options.model = value;
  options.models.emplace_back(value);
  return {};
}

Status set_prompt(Options& options, std::string_view value) {
  options.prompt = value;
  options.has_prompt = true;
  return {};
}

Status add_logit_bias(Options& options, std::string_view value) {
  return sample::add_logit_bias(options.sampling, value);
}

Status add_dry_breaker(Options& options, std::string_view value) {
  auto& breakers = options.sampling.dry_sequence_breakers;
  if (breakers == sample::SamplingParams().dry_sequence_breakers || value == "none") breakers.clear();
  if (value != "none") breakers.push_back(unescaped(value));
  return {};
}

Status set_samplers(Options& options, std::string_view value) {
  return sample::set_order(options.sampling, value);
}

Status set_sampler_letters(Options& options, std::string_view value) {
  static constexpr std::array<std::pair<char, std::string_view>, 9> kLetters{{{'e', "penalties"},
                                                                              {'d', "dry"},
                                                                              {'s', "top_n_sigma"},
                                                                              {'k', "top_k"},
                                                                              {'y', "typ_p"},
                                                                              {'p', "top_p"},
                                                                              {'m', "min_p"},
                                                                              {'x', "xtc"},
                                                                              {'t', "temperature"}}};
  std::string order;
  for (const char letter : value) {
    bool known = false;
    for (const auto& [key, name] : kLetters) {
      if (key == letter) order += fmt::format("{};", name), known = true;
    }
    if (!known) return invalid_input("'{}' stands for no sampler; the letters are e d s k y p m x t", letter);
  }
  return sample::set_order(options.sampling, order);
}

Status set_gpu(Options& options, std::string_view value) {
  if (value != "auto" && value != "disable" && value != "disabled") {
    return error_of(ErrorKind::unsupported, "{}: this build has no support for GPUs; --gpu auto computes on the CPU",
                    value);
  }
  options.gpu = value;
  return {};
}

Status set_gpu_layers(Options& options, std::string_view value) {
  const char* end = value.data() + value.size();
  const auto [stop, code] = std::from_chars(value.data(), end, options.n_gpu_layers);
  if (value != "all" && value != "auto" && (code != std::errc() || stop != end)) {
    return invalid_input("'{}' is not a whole number", value);
  }
  return {};
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    constexpr std::string_view kLetters = "nrt\\\"'", kBytes = "\n\r\t\\\"'";
    const size_t letter = kLetters.find(text[i + 1]);
    if (letter != kLetters.npos) {
      result += kBytes[letter];
      ++i;
      continue;
    }
    uint8_t byte = 0;
    if (text[i + 1] == 'x' && i + 3 < text.size()) {
      const char* digits = text.data() + i + 2;
      const auto [stop, code] = std::from_chars(digits, digits + 2, byte, 16);
      if (code == std::errc() && stop == digits + 2) {
        result += static_cast<char>(byte);
        i += 3;
        continue;
      }
    }
    result += text[i];
  }
  return result;
}

}  // namespace quipu::cli
