#include "sample/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "sample/candidates.h"

namespace quipu::sample {
namespace {

using P = SamplingParams;
constexpr double kAny = Setting::kUnbounded;

constexpr std::array kSettings{
    Setting{"seed", &P::seed, -1, kAny, "seed of the random numbers; -1: another one each time"},
    Setting{"temperature", &P::temperature, 0, kAny, "how daring the choice is; 0: always the likeliest token"},
    Setting{"dynatemp_range", &P::dynatemp_range, 0, kAny, "temperature varies by so much with the entropy; 0: off"},
    Setting{"dynatemp_exponent", &P::dynatemp_exponent, 0, kAny, "how the temperature follows the entropy"},
    Setting{"top_k", &P::top_k, -1, INT32_MAX, "only the k likeliest tokens; 0: off"},
    Setting{"top_p", &P::top_p, 0, 1, "only the likeliest tokens that have this probability together; 1: off"},
    Setting{"min_p", &P::min_p, 0, 1, "only tokens at least this share as likely as the likeliest; 0: off"},
    Setting{"typical_p", &P::typical_p, 0, 1, "locally typical sampling with this probability; 1: off"},
    Setting{"top_n_sigma", &P::top_n_sigma, -kAny, kAny,
            "only logits within so many standard deviations of the largest; 0 or less: off"},
    Setting{"xtc_probability", &P::xtc_probability, 0, 1, "chance to drop the likeliest tokens (XTC); 0: off"},
    Setting{"xtc_threshold", &P::xtc_threshold, 0, 1, "XTC drops tokens above this probability, all but one"},
    // Below this a logit divided by it leaves the floats for logits that models do give.
    Setting{"repeat_penalty", &P::repeat_penalty, 1e-6f, kAny, "penalty on repeated tokens; 1: off"},
    Setting{"presence_penalty", &P::presence_penalty, -kAny, kAny, "penalty on tokens that occurred; 0: off"},
    Setting{"frequency_penalty", &P::frequency_penalty, -kAny, kAny, "penalty by how often a token occurred; 0: off"},
    Setting{"repeat_last_n", &P::repeat_last_n, -1, INT32_MAX,
            "the penalties look at so many last tokens; 0: off, -1: all"},
    Setting{"dry_multiplier", &P::dry_multiplier, 0, kAny, "strength of the DRY penalty on repeated sequences; 0: off"},
    Setting{"dry_base", &P::dry_base, 1, kAny, "the DRY penalty grows by this factor with the length"},
    Setting{"dry_allowed_length", &P::dry_allowed_length, 0, INT32_MAX, "repetitions up to this length are free (DRY)"},
    Setting{"dry_penalty_last_n", &P::dry_penalty_last_n, -1, INT32_MAX,
            "DRY looks at so many last tokens; 0: off, -1: all"},
    Setting{"mirostat", &P::mirostat, 0, 2, "Mirostat 1 or 2 in place of top-k, top-p and the like; 0: off"},
    Setting{"mirostat_tau", &P::mirostat_tau, 0, kAny, "Mirostat's target entropy"},
    Setting{"mirostat_eta", &P::mirostat_eta, 0, kAny, "Mirostat's learning rate"},
    Setting{"min_keep", &P::min_keep, 0, INT32_MAX, "typical, top-p, min-p and XTC leave at least so many tokens"},
};

bool is_integer(const Setting& setting) {
  return !std::holds_alternative<float SamplingParams::*>(setting.field);
}

Error out_of_range(const Setting& setting, std::string_view value) {
  return invalid_input("{} is {}, but must be {}", setting.name, value, range_of(setting));
}
Error out_of_range(const Setting& setting, double value) {
  // A float is shown with its own digits, not those of the double it became.
  return is_integer(setting) ? out_of_range(setting, fmt::format("{}", value))
                             : out_of_range(setting, fmt::format("{}", static_cast<float>(value)));
}

Status store(SamplingParams& params, const Setting& setting, double value) {
  if (const auto* field = std::get_if<float P::*>(&setting.field)) {
    params.** field = static_cast<float>(value);
  } else if (const auto* integer = std::get_if<int32_t P::*>(&setting.field)) {
    params.** integer = static_cast<int32_t>(value);
  }
  return {};
}

Status set_seed(SamplingParams& params, const Setting& setting, std::string_view text) {
  // llamafile's users pass -1; any negative number means the same.
  if (text.starts_with('-')) {
    int64_t negative = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), negative);
    if (code != std::errc() || end != text.data() + text.size()) {
      return invalid_input("{}: '{}' is not a whole number", setting.name, text);
    }
    params.seed = UINT64_MAX;
    return {};
  }
  uint64_t seed = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (code == std::errc::result_out_of_range) return out_of_range(setting, text);
  if (code != std::errc() || end != text.data() + text.size()) {
    return invalid_input("{}: '{}' is not a whole number", setting.name, text);
  }
  params.seed = seed;
  return {};
}

}  // namespace

std::span<const Setting> settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : kSettings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string range_of(const Setting& setting) {
  const bool open_top = setting.most == kAny || (is_integer(setting) && setting.most >= INT32_MAX);
  if (setting.least == -kAny) return "a finite number";
  if (open_top) return fmt::format("{} or more", setting.least);
  return fmt::format("from {} to {}", setting.least, setting.most);
}

std::string value_of(const SamplingParams& params, const Setting& setting) {
  return std::visit(
      [&](auto field) {
        const auto value = params.*field;
        if constexpr (std::is_same_v<decltype(value), const uint64_t>) {
          if (value == UINT64_MAX) return std::string("-1");
        }
        return fmt::format("{}", value);
      },
      setting.field);
}

Status set_number(SamplingParams& params, const Setting& setting, double value) {
  if (is_integer(setting) && value != std::floor(value)) {
    return invalid_input("{}: {} is not a whole number", setting.name, value);
  }
  if (std::holds_alternative<uint64_t P::*>(setting.field)) {
    constexpr double kMostExact = 9007199254740992.0;  // 2^53: above, a double does not tell every whole number
    if (!(value >= -1 && value <= kMostExact)) return out_of_range(setting, value);
    params.seed = value < 0 ? UINT64_MAX : static_cast<uint64_t>(value);
    return {};
  }
  const double most = is_integer(setting) ? setting.most : std::min<double>(setting.most, kLargestFloat);
  const double least = std::max<double>(setting.least, -kLargestFloat);
  if (!(value >= least && value <= most)) return out_of_range(setting, value);
  return store(params, setting, value);
}

Status set_text(SamplingParams& params, const Setting& setting, std::string_view text) {
  if (std::holds_alternative<uint64_t P::*>(setting.field)) return set_seed(params, setting, text);
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  double value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code == std::errc::result_out_of_range) return out_of_range(setting, text);
  if (code != std::errc() || end != digits.data() + digits.size() || digits.empty()) {
    return invalid_input("{}: '{}' is not a number", setting.name, text);
  }
  return set_number(params, setting, value);
}

Status set_order(SamplingParams& params, std::string_view names) {
  SamplingParams checked;
  checked.order.clear();
  for (size_t at = 0; at < names.size();) {
    const size_t end = std::min(names.find_first_of(";, ", at), names.size());
    if (end > at) checked.order.emplace_back(names.substr(at, end - at));
    at = end + 1;
  }
  // By the sampler's own rules; the vocabulary does not matter to the order.
  QUIPU_CHECK_OK(validate(checked, 1));
  params.order = std::move(checked.order);
  return {};
}

Status add_logit_bias(SamplingParams& params, std::string_view text) {
  const auto wrong = [&] { return invalid_input("'{}' is not of the form ID+N or ID-N, such as 15043-1", text); };
  int32_t id = 0;
  const char* end = text.data() + text.size();
  const auto [sign, code] = std::from_chars(text.data(), end, id);
  if (code != std::errc() || sign == end || (*sign != '+' && *sign != '-')) return wrong();
  float bias = 0;
  const std::string_view number(sign + 1, static_cast<size_t>(end - sign - 1));
  const auto [stop, bias_code] = std::from_chars(number.data(), end, bias);
  if (number.empty() || number.front() == '-' || bias_code != std::errc() || stop != end || bias != bias)
    return wrong();
  params.logit_bias.emplace_back(id, *sign == '-' ? -bias : bias);
  return {};
}

Status set_logit_bias(SamplingParams& params, std::string_view text) {
  SamplingParams checked;
  if (text == "[]") text = {};
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    QUIPU_CHECK_OK(add_logit_bias(checked, text.substr(at, end - at)));
    at = end + 1;
  }
  params.logit_bias = std::move(checked.logit_bias);
  return {};
}

std::string logit_bias_text(const SamplingParams& params) {
  std::string text;
  for (const auto& [id, bias] : params.logit_bias) text += fmt::format("{}{}{:+}", text.empty() ? "" : ",", id, bias);
  return text.empty() ? "[]" : text;
}

}  // namespace quipu::sample
