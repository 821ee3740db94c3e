#include "chat/chat_settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sample/settings.h"
#include "text/edit_distance.h"

namespace quipu::chat {
namespace {

using Json = nlohmann::ordered_json;
using Options = engine::GenerateOptions;

// A list of texts is written as JSON: texts may hold blanks and line ends.
std::string json_of(const std::vector<std::string>& texts) {
  return Json(texts).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status set_texts(std::vector<std::string>& texts, std::string_view name, std::string_view value) {
  const auto json = Json::parse(value, nullptr, false);
  const bool is_list = json.is_array() && std::all_of(json.begin(), json.end(), [](const Json& item) {
                         return item.is_string() && !item.get_ref<const std::string&>().empty();
                       });
  if (!is_list) return invalid_input("{} must be a list of texts, such as [\"a\", \"b\"], or []", name);
  texts = json.get<std::vector<std::string>>();
  return {};
}

Status set_n_predict(Options& options, std::string_view value) {
  int64_t n = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), n);
  if (code != std::errc() || end != value.data() + value.size() || n < -2)
    return invalid_input("n_predict is {}, but must be -2 or more", value);
  options.n_predict = n;
  return {};
}

// What is no number of the sampling.
struct Special {
  std::string_view name, range, help;
  std::string (*value)(const Options& options);
  Status (*set)(Options& options, std::string_view value);
};
constexpr std::array kSpecial{
    Special{"n_predict", "-2 or more", "tokens of an answer at most; -1: until the model ends, -2: until it is full",
            [](const Options& o) { return fmt::format("{}", o.n_predict); }, set_n_predict},
    Special{"stop", "a list of texts", "texts that end the answer", [](const Options& o) { return json_of(o.stop); },
            [](Options& o, std::string_view value) { return set_texts(o.stop, "stop", value); }},
    Special{"samplers", "names of stages, separated by ;", "the stages of the sampling, in order",
            [](const Options& o) { return fmt::format("{}", fmt::join(o.sampling.order, "; ")); },
            [](Options& o, std::string_view value) { return sample::set_order(o.sampling, value); }},
    Special{"logit_bias", "ID+N or ID-N, separated by commas; none: []", "makes tokens likelier or not",
            [](const Options& o) { return sample::logit_bias_text(o.sampling); },
            [](Options& o, std::string_view value) { return sample::set_logit_bias(o.sampling, value); }},
    Special{"dry_sequence_breakers", "a list of texts", "DRY begins anew after each of these",
            [](const Options& o) { return json_of(o.sampling.dry_sequence_breakers); },
            [](Options& o, std::string_view value) {
              return set_texts(o.sampling.dry_sequence_breakers, "dry_sequence_breakers", value);
            }},
};

const Special* find_special(std::string_view name) {
  for (const Special& special : kSpecial) {
    if (special.name == name) return &special;
  }
  return nullptr;
}

// The nearest name, if one is near enough for a slip of the hand.
std::string_view near_setting(std::string_view name) {
  std::string_view nearest;
  size_t least = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string_view known : setting_names()) {
    const size_t distance = text::edit_distance(name, known);
    if (distance < least) nearest = known, least = distance;
  }
  return nearest;
}

}  // namespace

// Names as the flags have them: temp, top-k.
std::string setting_name(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  if (result == "temp") return "temperature";
  if (result == "typical") return "typical_p";
  return result;
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names;
  for (const sample::Setting& setting : sample::settings()) names.push_back(setting.name);
  for (const Special& special : kSpecial) names.push_back(special.name);
  return names;
}

std::string_view setting_help(std::string_view name) {
  const Special* special = find_special(name);
  return special != nullptr ? special->help : sample::find_setting(name)->help;
}

std::string setting_range(std::string_view name) {
  const Special* special = find_special(name);
  return special != nullptr ? std::string(special->range) : sample::range_of(*sample::find_setting(name));
}

std::string setting_value(const Options& options, std::string_view name) {
  const Special* special = find_special(name);
  return special != nullptr ? special->value(options) : sample::value_of(options.sampling, *sample::find_setting(name));
}

bool is_setting(std::string_view name) {
  return find_special(name) != nullptr || sample::find_setting(name) != nullptr;
}

Error unknown_setting(std::string_view name) {
  constexpr size_t kMaxName = 64;
  const std::string_view near = name.size() < kMaxName ? near_setting(name) : std::string_view();
  if (!near.empty()) return error_of(ErrorKind::not_found, "there is no setting '{}'; did you mean {}?", name, near);
  return error_of(ErrorKind::not_found, "there is no setting '{}'; /show lists them", name.substr(0, kMaxName));
}

Status set_setting(Options& options, std::string_view name, std::string_view value) {
  if (const Special* special = find_special(name)) return special->set(options, value);
  if (const sample::Setting* setting = sample::find_setting(name))
    return sample::set_text(options.sampling, *setting, value);
  return unknown_setting(name);
}

std::map<std::string, std::string> changed_settings(const Options& options) {
  const Options defaults;
  std::map<std::string, std::string> changed;
  for (const std::string_view name : setting_names()) {
    std::string value = setting_value(options, name);
    if (value != setting_value(defaults, name)) changed[std::string(name)] = std::move(value);
  }
  return changed;
}

}  // namespace quipu::chat
