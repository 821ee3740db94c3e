// The one table of flags: parser, help, docs/flags.md, shell completions and QUIPU_* variables follow from it.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/options.h"

namespace quipu::cli {

// What a flag does.
struct Accepted {};  // taken because scripts pass it; there is nothing to do for it
struct Ineffective {
  std::string_view why;  // taken with a warning: "--x has no effect: WHY"
};
struct Refused {
  std::string_view why;  // known from other programs, but an error here: "--x: WHY"
};
struct Toggle {
  bool Options::*field;
  bool value = true;
};
struct SetMode {
  Mode mode;
};
struct SamplingSetting {
  std::string_view name;  // in sample/settings.h, which has the range and the help
};
struct Custom {
  Status (*apply)(Options& options, std::string_view value);
};
using Action =
    std::variant<Accepted, Ineffective, Refused, Toggle, SetMode, SamplingSetting, Custom, int32_t Options::*,
                 int64_t Options::*, std::string Options::*, std::vector<std::string> Options::*>;

struct Flag {
  std::vector<std::string_view> names;  // the preferred first
  std::string_view value = {};          // what stands for its value in the help; empty: it takes none
  Modes modes = 0;                      // where it has an effect
  std::string_view help = {};           // a sentence without its full stop; empty for a SamplingSetting
  Action action = Accepted{};
  int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  std::vector<std::string_view> choices = {};  // the only values, if there are any
  bool value_is_optional = false;              // a value is taken only if it is one of the choices
};

struct FlagGroup {
  std::string_view title;
  std::span<const Flag> flags;
};
// In the order of the help.
std::span<const FlagGroup> flag_groups();

// The flag of this name in a mode: its own first, then one that only other main modes have. Null if there is none.
const Flag* find_flag(std::string_view name, Modes mode);
// Known names that are close to a mistyped one, nearest first, at most three.
std::vector<std::string_view> near_flags(std::string_view name, Modes mode);

// The environment variable that stands for the flag ("QUIPU_CTX_SIZE"), or empty if none does.
std::string environment_name(const Flag& flag);
// What the help says of the value when the flag is absent; empty if there is nothing to say.
std::string default_of(const Flag& flag);
// The sentence of the help, and the range or choices of the value ("from 0 to 1"; empty: anything).
std::string_view help_of(const Flag& flag);
std::string range_of(const Flag& flag);

// Applies one flag. Errors: Refused; a value out of range, not a number or none of the choices. The message begins with
// the name as it was written.
Status apply_flag(Options& options, const Flag& flag, std::string_view name, std::string_view value);

}  // namespace quipu::cli
