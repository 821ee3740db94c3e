#include "cli/help.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "cli/flags.h"
#include "cli/subcommands.h"

namespace quipu::cli {
namespace {

// Sets paragraphs between two margins.
class Page {
 public:
  explicit Page(const PageStyle& style)
      : style_(style), columns_(static_cast<size_t>(std::clamp(style.columns, 40, 100))) {}

  void heading(std::string_view title) { text_ += (text_.empty() ? "" : "\n") + bold(title) + "\n"; }
  void line(std::string_view content) { text_ += fmt::format("  {}\n", content); }
  void paragraph(std::string_view content, size_t indent = 2) {
    std::string line(indent, ' ');
    size_t used = indent;
    for (size_t at = 0; at < content.size();) {
      const size_t end = std::min(content.find(' ', at), content.size());
      const std::string_view word = content.substr(at, end - at);
      if (used + word.size() + 1 > columns_ && used > indent) {
        text_ += line + "\n";
        line.assign(indent, ' ');
        used = indent;
      }
      if (used > indent) line += ' ', ++used;
      line += word;
      used += word.size();
      at = end + 1;
    }
    text_ += line + "\n";
  }
  // A term at the left margin and what it means, beside it if it is short.
  void item(std::string_view term, std::string_view meaning) {
    text_ += fmt::format("  {}\n", bold(term));
    paragraph(meaning, 6);
  }
  [[nodiscard]] std::string bold(std::string_view content) const {
    return style_.bold ? fmt::format("\x1b[1m{}\x1b[0m", content) : std::string(content);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  const PageStyle& style_;
  size_t columns_;
  std::string text_;
};

std::string names_of(const Flag& flag) {
  std::string text = fmt::format("{}", fmt::join(flag.names, ", "));
  if (!flag.value.empty())
    text += flag.value_is_optional ? fmt::format(" [{}]", flag.value) : fmt::format(" {}", flag.value);
  return text;
}

std::string meaning_of(const Flag& flag) {
  if (const auto* action = std::get_if<Ineffective>(&flag.action))
    return fmt::format("Has no effect: {}.", action->why);
  if (const auto* action = std::get_if<Refused>(&flag.action)) return fmt::format("An error: {}.", action->why);
  std::string text(help_of(flag));
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z' && !text.starts_with("a .gguf")) text[0] -= 'a' - 'A';
  text += '.';
  if (const std::string range = range_of(flag); !range.empty()) text += fmt::format(" Must be {}.", range);
  if (const std::string value = default_of(flag); !value.empty()) text += fmt::format(" Default: {}.", value);
  return text;
}

void put_modes(Page& page, const std::string& program) {
  page.heading("MODES");
  page.item(program,
            "Chat in the terminal. When standard input is not a terminal, its text is one question; the answer alone "
            "goes to standard output.");
  page.item(program + " --chat [-p SYSTEM_PROMPT]", "Chat only.");
  page.item(program + " --cli -p TEXT",
            "Complete a text without any chat template. Standard output carries text alone, so that it can be piped. "
            "-p and -f without a mode mean --cli.");
  page.item(program + " --server", "The HTTP server only.");
}

void put_subcommands(Page& page) {
  page.heading("SUBCOMMANDS");
  for (const Subcommand& subcommand : subcommands()) {
    page.item(fmt::format("{} {}", subcommand.name, subcommand.synopsis), subcommand.help);
  }
}

void put_options(Page& page, Modes modes, bool all) {
  for (const FlagGroup& group : flag_groups()) {
    bool titled = false;
    for (const Flag& flag : group.flags) {
      if (!all && (flag.modes & modes) == 0) continue;
      if (!titled) page.heading(fmt::format("OPTIONS: {}", group.title));
      titled = true;
      page.item(names_of(flag), meaning_of(flag));
    }
  }
}

void put_examples(Page& page, const std::string& program) {
  page.heading("EXAMPLES");
  page.item(program + " -m model.gguf", "Chat with a model.");
  page.item(program + " --chat -p \"you are mosaic's godzilla\"", "The same with a system prompt.");
  page.item(program + " --cli -p 'four score and seven' -n 32 --log-disable", "Continue a text by 32 tokens.");
  page.item("cat report.txt | " + program + " --cli -p 'Summarise:' -f -", "A prompt from a pipe.");
  page.item(program + " pack chat.llamafile model.gguf --args defaults.txt",
            "Make one file of program, model and default arguments.");
}

void put_surroundings(Page& page) {
  page.heading("ENVIRONMENT");
  page.item("QUIPU_...",
            "Every option with a long name has a variable: --ctx-size is QUIPU_CTX_SIZE. For options without a value 1 "
            "and 0 say whether they hold. Arguments inside the file (.args) win over variables, and those of the "
            "command line over both.");
  page.item("NO_COLOR, TERM=dumb", "No colours; no control of the terminal at all.");
  page.item("EDITOR, PAGER", "Used by /edit in the chat, and for this page.");
  page.item("XDG_DATA_HOME", "Where quipu/ with chats and history lies; without it ~/.local/share.");
  page.heading("FILES");
  page.item(".args",
            "Entry of a llamafile with default arguments: words as in a shell, # comments, $VARIABLES; the word ... "
            "stands for the arguments of the command line, which come last without it.");
  page.item("~/.local/share/quipu/history", "The last 1024 lines that were typed in chats.");
  page.item("~/.local/share/quipu/chats/", "Chats, one JSON object a line.");
  page.heading("EXIT STATUS");
  page.item("0", "Success.");
  page.item("1", "An error; one line on standard error says which.");
  page.item("2", "The command line is wrong.");
  page.item("130", "Ended by Ctrl-C.");
  page.item("141", "The reader of standard output went away.");
}

}  // namespace

std::string help_page(const PageStyle& style) {
  Page page(style);
  const std::string& program = style.program;
  page.heading("NAME");
  page.paragraph("quipu - runs large language models, from one file, on every computer");
  page.heading("SYNOPSIS");
  for (const std::string_view form :
       {"[--chat] [OPTIONS]", "--cli [OPTIONS] -p TEXT", "--server [OPTIONS]", "SUBCOMMAND [OPTIONS]"}) {
    page.line(fmt::format("{} {}", page.bold(program), form));
  }
  put_modes(page, program);
  put_subcommands(page);
  put_options(page, kMainModes, true);
  put_examples(page, program);
  put_surroundings(page);
  return page.take();
}

std::string subcommand_page(std::string_view name, const PageStyle& style) {
  const Subcommand* subcommand = find_subcommand(name);
  QUIPU_CHECK(subcommand != nullptr);
  Page page(style);
  page.heading("SYNOPSIS");
  page.line(fmt::format("{} {} {}", page.bold(style.program), page.bold(name), subcommand->synopsis));
  page.heading("DESCRIPTION");
  page.paragraph(subcommand->help);
  put_options(page, subcommand->mode, false);
  return page.take();
}

std::string flags_markdown() {
  std::string text =
      "# Flags\n\nMade by `quipu completions markdown` from the table in `src/cli/flag_tables_*.cpp`; a test "
      "compares.\n"
      "Each option with an environment variable can be given there too; the command line wins.\n";
  const auto cell = [](std::string content) {
    for (size_t at = 0; (at = content.find('|', at)) != std::string::npos; at += 2) content.insert(at, 1, '\\');
    return content;
  };
  for (const FlagGroup& group : flag_groups()) {
    text += fmt::format("\n## {}\n\n| flag | meaning | variable |\n|---|---|---|\n", group.title);
    for (const Flag& flag : group.flags) {
      text += fmt::format("| `{}` | {} | {} |\n", cell(names_of(flag)), cell(meaning_of(flag)), environment_name(flag));
    }
  }
  text += "\n## Subcommands' synopses\n\n";
  for (const Subcommand& subcommand : subcommands()) {
    text += fmt::format("- `quipu {} {}`: {}\n", subcommand.name, subcommand.synopsis, subcommand.help);
  }
  return text;
}

}  // namespace quipu::cli
