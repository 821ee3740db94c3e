// The text of an `.args` entry: default arguments that a single-file executable carries.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu::pack {

// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct DefaultArgs {
  std::vector<std::string> words;
  std::optional<size_t> user_args_at;  // where the word `...` stood (it is not among the words)

  // The command line: the user's arguments in the place of `...`, or behind the words.
  [[nodiscard]] std::vector<std::string> merge(const std::vector<std::string>& user_args) const;
};

// Words are split as a POSIX shell does: at white space; '...' is literal; in "..." a backslash escapes " \ $ ` and the
// end of a line; elsewhere any character; # at the start of a word begins a comment. $NAME and ${NAME} are replaced
// outside '...' (an unset one by nothing) and not split again. Errors name the line: a quote or ${ without end, a
// second
// `...`, a NUL.
Result<DefaultArgs> parse_args(std::string_view text, const Environment& environment);

}  // namespace quipu::pack
