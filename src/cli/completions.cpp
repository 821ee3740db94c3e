// Scripts that complete the command line in shells.
#include <fmt/ranges.h>

#include <set>

#include "cli/flags.h"
#include "cli/help.h"
#include "cli/streams.h"
#include "cli/subcommands.h"

namespace quipu::cli {
namespace {

bool takes_file(const Flag& flag) {
  return flag.value.starts_with("FILE") || flag.value == "FOLDER";
}

// Flags that do something, in the order of the help.
template <typename F>
void for_each_flag(const F& visit) {
  for (const FlagGroup& group : flag_groups()) {
    for (const Flag& flag : group.flags) {
      if (!std::holds_alternative<Ineffective>(flag.action) && !std::holds_alternative<Refused>(flag.action))
        visit(flag);
    }
  }
}

std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string bash() {
  std::string names, files, cases;
  for_each_flag([&](const Flag& flag) {
    for (const auto name : flag.names) names += fmt::format(" {}", name);
    if (takes_file(flag)) files += fmt::format("{}{}", files.empty() ? "" : "|", fmt::join(flag.names, "|"));
    if (!flag.choices.empty()) {
      cases += fmt::format("    {}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n",
                           fmt::join(flag.names, "|"), fmt::join(flag.choices, " "));
    }
  });
  std::string commands;
  for (const Subcommand& subcommand : subcommands()) commands += fmt::format(" {}", subcommand.name);
  return fmt::format(
      "# bash completion of quipu: source it, or put it into /etc/bash_completion.d\n"
      "_quipu() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  case $before in\n"
      "    {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
      "{}"
      "  esac\n"
      "  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n"
      "  elif [[ $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W '{}' -- \"$word\"))\n"
      "  else COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
      "}}\n"
      "complete -o filenames -F _quipu quipu\n",
      files, cases, names.substr(1), commands.substr(1));
}

std::string zsh() {
  std::string text =
      "#compdef quipu\n# zsh completion of quipu: put it as _quipu into a folder of $fpath\n_arguments -S \\\n";
  for_each_flag([&](const Flag& flag) {
    std::string help;
    for (const char c : help_of(flag))
      help += (c == '[' || c == ']' || c == ':') ? std::string("\\") + c : std::string(1, c);
    std::string value;
    if (!flag.choices.empty()) {
      value = fmt::format(":value:({})", fmt::join(flag.choices, " "));
    } else if (!flag.value.empty()) {
      value = takes_file(flag) ? ":file:_files" : ":value:";
    }
    for (const auto name : flag.names)
      text += fmt::format("  {} \\\n", shell_quoted(fmt::format("*{}[{}]{}", name, help, value)));
  });
  text += "  '1:subcommand:((";
  for (const Subcommand& subcommand : subcommands()) {
    std::string help;
    for (const char c : subcommand.help)
      help += (c == ':' || c == '\\' || c == '"' || c == '\'') ? std::string() : std::string(1, c);
    text += fmt::format("{}\\:\"{}\" ", subcommand.name, help);
  }
  return text + "))' \\\n  '*:file:_files'\n";
}

// Within single quotes fish has two escapes.
std::string fish_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish() {
  std::string text = "# fish completion of quipu: put it as quipu.fish into ~/.config/fish/completions\n";
  for_each_flag([&](const Flag& flag) {
    std::string line = "complete -c quipu";
    for (const auto name : flag.names) {
      if (name.starts_with("--")) {
        line += fmt::format(" -l {}", name.substr(2));
      } else {
        line += fmt::format(" -{} {}", name.size() == 2 ? 's' : 'o', name.substr(1));
      }
    }
    if (!flag.choices.empty()) {
      line += fmt::format(" -x -a {}", fish_quoted(fmt::format("{}", fmt::join(flag.choices, " "))));
    } else if (!flag.value.empty()) {
      line += takes_file(flag) ? " -r -F" : " -x";
    }
    text += fmt::format("{} -d {}\n", line, fish_quoted(help_of(flag)));
  });
  for (const Subcommand& subcommand : subcommands()) {
    text += fmt::format("complete -c quipu -n __fish_use_subcommand -a {} -d {}\n", subcommand.name,
                        fish_quoted(subcommand.help));
  }
  return text;
}

}  // namespace

Result<std::string> shell_completions(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  if (shell == "markdown") return flags_markdown();  // how docs/flags.md is made
  return invalid_input("no completions for '{}': the shells are bash, zsh and fish", shell);
}

Result<int> run_completions(const Invocation& invocation) {
  if (invocation.positional.size() != 1) return invalid_input("completions needs a shell: bash, zsh or fish");
  QUIPU_TRY(const std::string script, shell_completions(invocation.positional[0]));
  Output out;
  out.write(script);
  return out.finish();
}

}  // namespace quipu::cli
