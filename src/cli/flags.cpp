#include "cli/flags.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "cli/flag_tables.h"
#include "sample/settings.h"
#include "text/edit_distance.h"

namespace quipu::cli {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

const sample::Setting& setting_of(const SamplingSetting& action) {
  const sample::Setting* setting = sample::find_setting(action.name);
  QUIPU_CHECK(setting != nullptr);
  return *setting;
}

bool names_it(const Flag& flag, std::string_view name) {
  return std::find(flag.names.begin(), flag.names.end(), name) != flag.names.end();
}

// What a mode may be given, with or without an effect. The main modes take each other's flags.
bool is_visible(const Flag& flag, Modes mode) {
  if ((flag.modes & mode) != 0) return true;
  const bool of_main = flag.modes == 0 || (flag.modes & kMainModes) != 0;
  return of_main && (mode & kMainModes) != 0;
}

std::string_view without_dashes(std::string_view name) {
  return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

template <typename T>
Status store_integer(T& field, const Flag& flag, std::string_view name, std::string_view value) {
  int64_t number = 0;
  const std::string_view digits = value.starts_with('+') ? value.substr(1) : value;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_number = !digits.empty() && end == digits.data() + digits.size();
  if (code == std::errc::invalid_argument || !is_number) {
    return invalid_input("{}: '{}' is not a whole number", name, value);
  }
  if (code != std::errc() || number < flag.least || number > flag.most) {
    return invalid_input("{} is {}, but must be {}", name, value, range_of(flag));
  }
  field = static_cast<T>(number);
  return {};
}

// What a sampling setting says of itself begins with its own name; users know it by the flag's.
Status under_name(const Status& status, const sample::Setting& setting, std::string_view name) {
  if (status.ok()) return {};
  Error error = status.error();
  if (error.message.starts_with(setting.name)) error.message.replace(0, setting.name.size(), name);
  return error;
}

}  // namespace

std::span<const FlagGroup> flag_groups() {
  static const std::vector<FlagGroup> kGroups{
      {"Mode", kModeFlags},
      {"Model", kModelFlags},
      {"Prompt and answer", kPromptFlags},
      {"Sampling", kSamplingFlags},
      {"Speed and memory", kSpeedFlags},
      {"GPU", kGpuFlags},
      {"Chat", kChatFlags},
      {"Server", kServerFlags},
      {"Messages and safety", kMessageFlags},
      {"Subcommands", kToolFlags},
  };
  return kGroups;
}

const Flag* find_flag(std::string_view name, Modes mode) {
  const Flag* elsewhere = nullptr;
  for (const FlagGroup& group : flag_groups()) {
    for (const Flag& flag : group.flags) {
      if (!names_it(flag, name)) continue;
      if ((flag.modes & mode) != 0) return &flag;
      if (is_visible(flag, mode)) elsewhere = &flag;
    }
  }
  return elsewhere;
}

std::vector<std::string_view> near_flags(std::string_view name, Modes mode) {
  constexpr size_t kShown = 3;
  const std::string_view bare = without_dashes(name);
  std::vector<std::pair<size_t, std::string_view>> near;
  for (const FlagGroup& group : flag_groups()) {
    for (const Flag& flag : group.flags) {
      if (!is_visible(flag, mode)) continue;
      for (const std::string_view known : flag.names) {
        const std::string_view known_bare = without_dashes(known);
        size_t distance = text::edit_distance(bare, known_bare);
        // A beginning or an end of a long name is a likely slip too: --context for --ctx-size is not, --seeds is.
        if (bare.size() >= 4 && known_bare.starts_with(bare)) distance = std::min<size_t>(distance, 2);
        if (distance <= std::max<size_t>(1, bare.size() / 3)) near.emplace_back(distance, known);
      }
    }
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string_view> names;
  for (const auto& [distance, known] : near) {
    if (names.size() < kShown && distance <= near.front().first + 1) names.push_back(known);
  }
  return names;
}

std::string environment_name(const Flag& flag) {
  const bool settable = !std::holds_alternative<Refused>(flag.action) &&
                        !std::holds_alternative<Ineffective>(flag.action) &&
                        !std::holds_alternative<Accepted>(flag.action) &&
                        !std::holds_alternative<SetMode>(flag.action) && (flag.modes & kMainModes) != 0;
  if (!settable || flag.names.front() == "--help" || flag.names.front() == "--version" ||
      flag.names.front() == "--licenses")
    return "";
  for (const std::string_view name : flag.names) {
    if (!name.starts_with("--")) continue;
    std::string variable = "QUIPU_";
    for (const char c : name.substr(2))
      variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    return variable;
  }
  return "";
}

std::string default_of(const Flag& flag) {
  static const Options kDefaults;
  return std::visit(
      Overloaded{
          [](const auto&) { return std::string(); },
          [](const SamplingSetting& action) { return sample::value_of(kDefaults.sampling, setting_of(action)); },
          [](int32_t Options::*field) { return fmt::format("{}", kDefaults.*field); },
          [](int64_t Options::*field) { return fmt::format("{}", kDefaults.*field); },
          [](std::string Options::*field) { return kDefaults.*field; },
      },
      flag.action);
}

std::string_view help_of(const Flag& flag) {
  const auto* setting = std::get_if<SamplingSetting>(&flag.action);
  return setting != nullptr ? setting_of(*setting).help : flag.help;
}

std::string range_of(const Flag& flag) {
  if (const auto* setting = std::get_if<SamplingSetting>(&flag.action)) return sample::range_of(setting_of(*setting));
  if (!flag.choices.empty()) return fmt::format("one of {}", fmt::join(flag.choices, ", "));
  if (flag.least == std::numeric_limits<int64_t>::min()) return "";
  const bool open_top = flag.most >= std::numeric_limits<int32_t>::max();
  return open_top ? fmt::format("{} or more", flag.least) : fmt::format("from {} to {}", flag.least, flag.most);
}

Status apply_flag(Options& options, const Flag& flag, std::string_view name, std::string_view value) {
  if (!flag.choices.empty() && !value.empty() &&
      std::find(flag.choices.begin(), flag.choices.end(), value) == flag.choices.end()) {
    return invalid_input("{} is '{}', but must be {}", name, value, range_of(flag));
  }
  return std::visit(
      Overloaded{
          [](const Accepted&) -> Status { return {}; },
          [](const Ineffective&) -> Status { return {}; },
          [&](const Refused& action) -> Status { return error_of(ErrorKind::unsupported, "{}: {}", name, action.why); },
          [&](const Toggle& action) -> Status { return options.*action.field = action.value, Status(); },
          [&](const SetMode& action) -> Status { return options.mode = action.mode, Status(); },
          [&](const SamplingSetting& action) -> Status {
            const sample::Setting& setting = setting_of(action);
            return under_name(sample::set_text(options.sampling, setting, value), setting, name);
          },
          [&](const Custom& action) -> Status {
            const auto status = action.apply(options, value);
            return status.ok() ? Status() : status.error().within(name);
          },
          [&](int32_t Options::*field) { return store_integer(options.*field, flag, name, value); },
          [&](int64_t Options::*field) { return store_integer(options.*field, flag, name, value); },
          [&](std::string Options::*field) -> Status { return options.*field = value, Status(); },
          [&](std::vector<std::string> Options::*field) -> Status {
            (options.*field).emplace_back(value);
            return {};
          },
      },
      flag.action);
}

}  // namespace quipu::cli
