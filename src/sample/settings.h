// The numbers of SamplingParams by name: one table for validate(), the flags, server requests and the chat's /set.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "sample/sampler.h"

namespace quipu::sample {

struct Setting {
  using Field = std::variant<float SamplingParams::*, int32_t SamplingParams::*, uint64_t SamplingParams::*>;

  std::string_view name;  // as the field
  Field field;
  double least, most;  // both included; kUnbounded: finite is enough
  std::string_view help;

  static constexpr double kUnbounded = 1e300;
};

std::span<const Setting> settings();
// Nothing for an unknown name.
const Setting* find_setting(std::string_view name);

// "from 0 to 1", "0 or more", "a finite number": what stands after "must be".
std::string range_of(const Setting& setting);
// The shortest text that reads back as the same number; the seed that is drawn from the system is "-1".
std::string value_of(const SamplingParams& params, const Setting& setting);

// Errors: not a number, or out of range; the message names the setting, the text and the range.
Status set_number(SamplingParams& params, const Setting& setting, double value);
Status set_text(SamplingParams& params, const Setting& setting, std::string_view text);

// What is no number. `names`: stages separated by ; or , or blanks. Errors: an unknown stage, one twice.
Status set_order(SamplingParams& params, std::string_view names);
// "5+1.5" or "5-inf": the id of a token and what is added to its logit.
Status add_logit_bias(SamplingParams& params, std::string_view text);
// Several of those separated by commas, in place of what there was; "[]" or nothing for none; and their text.
Status set_logit_bias(SamplingParams& params, std::string_view text);
std::string logit_bias_text(const SamplingParams& params);

}  // namespace quipu::sample
