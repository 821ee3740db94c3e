#include "cli/parse.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "cli/flag_values.h"
#include "cli/flags.h"

namespace quipu::cli {
namespace {

std::string_view mode_name(Modes mode) {
  switch (mode) {
    case kChat:
      return "a chat";
    case kCompletion:
      return "--cli";
    case kServer:
      return "--server";
    default:
      return "this mode";
  }
}

class Parser {
 public:
  Parser(const std::vector<std::string>& words, Modes mode, const Options& options) : words_(words), mode_(mode) {
    line_.options = options;
    line_.options.mode = kNoMode;
  }

  Result<CommandLine> run() {
    for (; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      if (word == "--") {
        line_.positional.insert(line_.positional.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_) + 1,
                                words_.end());
        break;
      }
      if (word.size() < 2 || word[0] != '-') {
        line_.positional.push_back(word);
        continue;
      }
      QUIPU_CHECK_OK(flag(word));
    }
    settle_mode();
    return std::move(line_);
  }

 private:
  Status flag(const std::string& word) {
    std::string_view name = word;
    std::optional<std::string_view> value;
    const Flag* found = find_flag(name, mode_);
    if (const size_t equals = word.find('='); found == nullptr && equals != word.npos) {
      name = name.substr(0, equals);
      value = std::string_view(word).substr(equals + 1);
      found = find_flag(name, mode_);
    }
    if (found == nullptr) return unknown(name);
    used_.push_back({found, std::string(name)});
    if (found->value.empty()) {
      if (value) return invalid_input("{} takes no value", name);
      return apply_flag(line_.options, *found, name, "");
    }
    if (found->value_is_optional) return optional_value(*found, name, value);
    if (!value) {
      if (at_ + 1 == words_.size()) return invalid_input("{} needs a value: {} {}", name, name, found->value);
      value = words_[++at_];
    }
    QUIPU_CHECK_OK(apply_flag(line_.options, *found, name, *value));
    return found->value.ends_with("...") ? further_values(*found, name) : Status();
  }

  Status optional_value(const Flag& found, std::string_view name, std::optional<std::string_view> value) {
    const auto is_choice = [&](std::string_view word) {
      return std::find(found.choices.begin(), found.choices.end(), word) != found.choices.end();
    };
    if (!value && at_ + 1 < words_.size() && is_choice(words_[at_ + 1])) value = words_[++at_];
    return apply_flag(line_.options, found, name, value.value_or(found.choices.size() > 1 ? found.choices[1] : ""));
  }

  Status further_values(const Flag& found, std::string_view name) {
    while (at_ + 1 < words_.size() && !words_[at_ + 1].starts_with('-')) {
      QUIPU_CHECK_OK(apply_flag(line_.options, found, name, words_[++at_]));
    }
    return {};
  }

  [[nodiscard]] Error unknown(std::string_view name) const {
    const auto near = near_flags(name, mode_);
    if (near.empty()) return invalid_input("unknown flag '{}'; --help lists them", name);
    return invalid_input("unknown flag '{}'; did you mean {}?", name, fmt::join(near, " or "));
  }

  void settle_mode() {
    Options& options = line_.options;
    if (mode_ != kMainModes) {
      options.mode = mode_;
    } else if (options.mode == kNoMode && (options.has_prompt || !options.prompt_file.empty())) {
      options.mode = kCompletion;
    }
    const Modes effective = options.mode != kNoMode ? options.mode : static_cast<Modes>(kChat | kServer);
    for (const auto& [found, name] : used_) {
      if (const auto* ineffective = std::get_if<Ineffective>(&found->action)) {
        line_.warnings.push_back(fmt::format("{} has no effect: {}", name, ineffective->why));
      } else if ((found->modes & effective) == 0) {
        line_.warnings.push_back(fmt::format("{} has no effect in {}", name, mode_name(effective)));
      }
    }
  }

  struct Used {
    const Flag* flag;
    std::string name;
  };
  const std::vector<std::string>& words_;
  Modes mode_;
  size_t at_ = 0;
  CommandLine line_;
  std::vector<Used> used_;
};

// True or false, or nothing for a text that says neither.
std::optional<bool> truth(std::string_view text) {
  for (const std::string_view yes : {"1", "true", "yes", "on"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"", "0", "false", "no", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace

Result<CommandLine> parse_words(const std::vector<std::string>& words, Modes mode, const Options& options) {
  return Parser(words, mode, options).run();
}

Result<Options> options_from_environment(const std::function<std::optional<std::string>(const std::string&)>& get) {
  Options options;
  for (const FlagGroup& group : flag_groups()) {
    for (const Flag& flag : group.flags) {
      const std::string variable = environment_name(flag);
      const auto value = variable.empty() ? std::nullopt : get(variable);
      if (!value) continue;
      if (flag.value.empty()) {
        const auto on = truth(*value);
        if (!on) return invalid_input("the environment variable {} is '{}', but must be 1 or 0", variable, *value);
        if (!*on) continue;
      }
      QUIPU_CHECK_OK(apply_flag(options, flag, fmt::format("the environment variable {}", variable), *value));
    }
  }
  return options;
}

}  // namespace quipu::cli
