// Pages about the flags, made from their table.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/options.h"

namespace quipu::cli {

struct PageStyle {
  std::string program = "quipu";
  int columns = 80;
  bool bold = false;  // escape sequences for headings and names
};

// The man page.
std::string help_page(const PageStyle& style);
// The page of one subcommand. `name` must be one.
std::string subcommand_page(std::string_view name, const PageStyle& style);
// docs/flags.md.
std::string flags_markdown();
// A script that completes flags, subcommands and values in a shell. Error: a shell that is none of bash, zsh, fish.
Result<std::string> shell_completions(std::string_view shell);

}  // namespace quipu::cli
