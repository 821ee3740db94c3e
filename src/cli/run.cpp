#include "cli/run.h"

#include <filesystem>

#include "cli/flags.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/run_modes.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "pack/llamafile.h"
#include "pack/program_cache.h"
#include "platform/console.h"
#include "platform/start.h"
#include "platform/terminal.h"

namespace quipu::cli {
namespace {

using Words = std::vector<std::string>;

void find_own_zip(Invocation& invocation) {
  const auto path = platform::self_path();
  if (!path.ok()) return;
  auto file = platform::MappedFile::open(*path);
  if (!file.ok()) return;
  auto zip = pack::Zip::find(std::move(*file));
  if (zip.ok()) {
    invocation.self = std::move(*zip);
  } else {
    invocation.self_error = zip.error();
  }
}

// What a page looks like on this terminal, or in a pipe.
PageStyle page_style(const std::string& program) {
  PageStyle style{.program = program};
  if (!platform::is_terminal(platform::Stream::standard_output)) return style;
  style.columns = platform::terminal_columns().value_or(80);
  style.bold = !platform::environment("NO_COLOR") && platform::understands_escapes();
  return style;
}

Result<int> show(const std::string& page) {
  if (platform::is_terminal(platform::Stream::standard_output) && platform::understands_escapes() &&
      platform::show_in_pager(page)) {
    return 0;
  }
  Output out;
  out.write(page);
  return out.finish();
}

// The command line of a main mode: variables, then the arguments inside the file, then the user's.
Result<CommandLine> main_command_line(const Invocation& invocation, const Words& user_words) {
  QUIPU_TRY(const Options base, options_from_environment(platform::environment));
  Words words = user_words;
  if (invocation.self) {
    QUIPU_TRY(const auto defaults, pack::default_args(*invocation.self, platform::environment));
    words = defaults.merge(user_words);
  }
  return parse_words(words, kMainModes, base);
}

Result<CommandLine> subcommand_line(const Invocation& invocation, const Subcommand& subcommand, const Words& words) {
  Options base;
  // Of the arguments inside the file only the choice of a model concerns a subcommand.
  if (const auto defaults = main_command_line(invocation, {}); defaults.ok()) base.model = defaults->options.model;
  return parse_words(words, subcommand.mode, base);
}

Error unexpected(const std::string& word) {
  const std::string_view suffix = std::string_view(word).substr(word.size() - std::min<size_t>(word.size(), 5));
  if (suffix == ".gguf") return invalid_input("'{}' is no subcommand; a model is named with -m {}", word, word);
  return invalid_input("'{}' is neither a subcommand nor a flag; --help lists them", word);
}

Result<int> run_main_mode(const Invocation& invocation) {
  if (!invocation.positional.empty()) return unexpected(invocation.positional[0]);
  switch (invocation.options.mode) {
    case kCompletion:
      return run_completion(invocation);
    case kServer:
      return run_server(invocation);
    default:
      return run_chat_mode(invocation);
  }
}

// Runs, and writes the trace if one is wanted: of what failed or was interrupted, too.
Result<int> run_mode(Invocation& invocation, const Subcommand* subcommand) {
  if (!invocation.options.trace.empty()) {
    QUIPU_TRY(invocation.trace, backend::TraceFile::create(invocation.options.trace));
  }
  auto code = subcommand != nullptr ? subcommand->run(invocation) : run_main_mode(invocation);
  if (invocation.trace == nullptr) return code;
  const auto n_left_out = invocation.trace->finish();
  if (!n_left_out.ok() && code.ok()) return n_left_out.error();
  if (n_left_out.ok() && *n_left_out > 0) {
    log_to(invocation.log, LogLevel::warning,
           fmt::format("{}: the trace is full, {} operations at its end are left out", invocation.options.trace,
                       *n_left_out));
  }
  return code;
}

// The head of a portable file asks with this word whether the program that it just put into a cache runs here.
constexpr std::string_view kProbe = "--quipu-probe";
int answer_probe() {
  if (const auto path = platform::program_path(); path.ok()) pack::drop_old_programs(*path);
  return 0;
}

int exit_code_of(const Error& error) {
  return error.kind == ErrorKind::cancelled ? kExitInterrupted : kExitError;
}

}  // namespace

int run_program(const Words& arguments) {
  if (arguments.size() == 2 && arguments[1] == kProbe) return answer_probe();
  Invocation invocation;
  invocation.program = arguments.empty() ? "quipu" : std::filesystem::path(arguments[0]).filename().string();
  find_own_zip(invocation);
  const Subcommand* subcommand = arguments.size() > 1 ? find_subcommand(arguments[1]) : nullptr;
  const Words words(arguments.begin() + std::min<std::ptrdiff_t>(std::ssize(arguments), subcommand != nullptr ? 2 : 1),
                    arguments.end());
  auto line =
      subcommand != nullptr ? subcommand_line(invocation, *subcommand, words) : main_command_line(invocation, words);
  if (!line.ok()) {
    print_error(line.error().message);
    return kExitUsage;
  }
  invocation.options = std::move(line->options);
  invocation.positional = std::move(line->positional);
  invocation.log = stderr_log(invocation.options);
  for (const std::string& warning : line->warnings) log_to(invocation.log, LogLevel::warning, warning);

  Result<int> code = 0;
  if (invocation.options.help) {
    const PageStyle style = page_style(invocation.program);
    code = show(subcommand != nullptr ? subcommand_page(subcommand->name, style) : help_page(style));
  } else if (invocation.options.version) {
    Output out;
    out.write(fmt::format("quipu {}\n", QUIPU_VERSION));
    code = out.finish();
  } else if (invocation.options.licenses) {
    code = run_licenses(invocation);
  } else {
    code = run_mode(invocation, subcommand);
  }
  if (code.ok()) return *code;
  if (code.error().kind != ErrorKind::cancelled) print_error(code.error().message);
  return exit_code_of(code.error());
}

}  // namespace quipu::cli
