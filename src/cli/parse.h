// Words of a command line become Options.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"

namespace quipu::cli {

struct CommandLine {
  Options options;
  std::vector<std::string> positional;
  std::vector<std::string> warnings;
};

// Parses the words (without the program's name) for a mode: kMainModes, or one subcommand. `options` are what holds
// where the words say nothing. A flag may be written `--name VALUE` or `--name=VALUE`; `--` ends the flags. In the
// main modes the mode is settled: the last flag that names one wins, else -p or -f mean kCompletion, else it stays
// kNoMode. Errors: an unknown flag (with near ones), a missing or bad value.
Result<CommandLine> parse_words(const std::vector<std::string>& words, Modes mode, const Options& options);

// Options from QUIPU_* variables. A toggle is on for 1, true, yes or on, and off for 0, false, no, off or nothing.
Result<Options> options_from_environment(const std::function<std::optional<std::string>(const std::string&)>& get);

}  // namespace quipu::cli
