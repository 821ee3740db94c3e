#include "chat/session.h"

#include <fmt/format.h>

#include "chat/chat_settings.h"
#include "chat/commands.h"
#include "chat/spinner.h"
#include "platform/console.h"
#include "platform/terminal.h"

namespace quipu::chat {
namespace {

constexpr std::string_view kTripleQuote = "\"\"\"";

ScreenOptions screen_options(const ChatOptions& options) {
  const bool terminal = platform::understands_escapes();
  const bool no_color = !platform::environment("NO_COLOR").value_or("").empty();
  return {.terminal = terminal,
          .styled = terminal && options.styled && !no_color && !options.ascii,
          .ascii = options.ascii};
}

std::filesystem::path data_folder(const ChatOptions& options, const char* name) {
  const auto folder = options.keep ? platform::user_data_folder() : std::nullopt;
  return folder ? *folder / name : std::filesystem::path();
}

// With ~ for the home folder.
std::string for_people(const std::filesystem::path& path) {
  const std::string text = path.string(), home = platform::environment("HOME").value_or("");
  const bool inside = home.size() > 1 && text.starts_with(home + "/");
  return inside ? "~" + text.substr(home.size()) : text;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks), end = text.find_last_not_of(kBlanks);
  return begin == text.npos ? std::string() : std::string(text.substr(begin, end - begin + 1));
}

// What stands between """ and """; other text as it is.
std::string without_quotes(const std::string& text) {
  std::string inner = trimmed(text);
  if (!inner.starts_with(kTripleQuote)) return text;
  inner.erase(0, kTripleQuote.size());
  if (inner.size() >= kTripleQuote.size() && inner.ends_with(kTripleQuote))
    inner.erase(inner.size() - kTripleQuote.size());
  return trimmed(inner);
}

bool opens_quotes(const std::string& line) {
  const std::string text = trimmed(line);
  return text.starts_with(kTripleQuote) && text.find(kTripleQuote, kTripleQuote.size()) == text.npos;
}

}  // namespace

Session::Session(std::unique_ptr<Generator> generator, const ChatOptions& options)
    : options_(options),
      screen_(screen_options(options)),
      responder_(std::move(generator), options.generate, options.template_variables),
      store_(data_folder(options, "chats")) {
  conversation_.set_system_prompt(options.system_prompt);
  if (!screen_.options().terminal || !platform::is_terminal(platform::Stream::standard_input)) return;
  termination_ = std::make_unique<platform::TerminationGuard>();
  terminal_ = platform::Terminal::take();
  if (terminal_ == nullptr) return;
  if (const auto path = data_folder(options, "history"); !path.empty()) history_ = History(path);
  editor_ = std::make_unique<LineEditor>(
      *terminal_, history_,
      EditorHooks{[this](std::string_view text, size_t cursor) { return complete_command(text, cursor, store_); },
                  [this](std::string_view text) { return hint(text); }});
}

Session::~Session() = default;

Result<int> Session::run() {
  show_banner();
  if (!options_.resume.empty()) load(options_.resume);
  while (!done_ && screen_.alive()) {
    const auto text = read_text(std::exchange(next_input_, {}));
    if (!text) break;
    take(*text);
  }
  keep_cache();
  if (!screen_.alive()) return 141;
  return exit_code_;
}

void Session::show_banner() {
  if (!terminal_) return;
  if (options_.banner.empty()) return;
  screen_.title(options_.banner.front());
  for (size_t i = 1; i < options_.banner.size(); ++i) screen_.notice(options_.banner[i]);
  std::error_code code;
  const auto folder = data_folder(options_, "chats");
  if (!folder.empty() && !std::filesystem::exists(folder, code))
    screen_.notice(
        fmt::format("Chats are kept in {}, for your eyes only; /private keeps nothing.", for_people(folder)));
}

std::string Session::hint(std::string_view text) const {
  if (!screen_.options().styled) return "";  // it could not be told from what is typed
  if (!text.empty()) return command_hint(text);
  if (manual_) return "Enter changes the role";
  return asked_ ? "" : "Type a message (/? for help)";
}

Prompt Session::prompt() const {
  Prompt prompt;
  if (manual_) prompt.first = typed_role_ + " >>> ";
  if (!screen_.options().styled) return prompt;
  const char* color = typed_role_ == "user" ? "1;32" : typed_role_ == "assistant" ? "1;34" : "1;33";
  prompt.first = fmt::format("\x1b[{}m{}\x1b[0m", color, prompt.first);
  prompt.further = fmt::format("\x1b[90m{}\x1b[0m", prompt.further);
  return prompt;
}

// The next input, or nothing when the chat is over.
std::optional<std::string> Session::read_text(const std::string& initial) {
  if (!editor_) return read_plain_line();
  for (;;) {
    auto line = editor_->read(prompt(), initial);
    switch (line.outcome) {
      case LineEditor::Outcome::line:
        leave_warned_ = false;
        history_.add(line.text);
        return without_quotes(line.text);
      case LineEditor::Outcome::end_of_input:
        return std::nullopt;
      case LineEditor::Outcome::interrupted:
        if (leave_warned_) {
          exit_code_ = 130;
          return std::nullopt;
        }
        leave_warned_ = true;
        screen_.notice("(Ctrl-C again or Ctrl-D leaves)");
        continue;
      case LineEditor::Outcome::terminated:
        exit_code_ = platform::TerminationGuard::requested();
        return std::nullopt;
    }
  }
}

// From a pipe, or a terminal that can do no more.
std::optional<std::string> Session::read_plain_line() {
  if (platform::is_terminal(platform::Stream::standard_input)) {
    platform::write_all(platform::Stream::standard_output, manual_ ? typed_role_ + " >>> " : ">>> ");
  }
  auto line = platform::read_line();
  if (!line) return std::nullopt;
  if (line->ends_with('\r')) line->pop_back();
  while (opens_quotes(*line)) {
    const auto further = platform::read_line();
    if (!further) break;
    *line += "\n" + *further;
  }
  return without_quotes(cleaned_paste(*line));
}

void Session::take(const std::string& text) {
  const std::string trimmed_text = trimmed(text);
  if (trimmed_text.empty()) {
    if (manual_) typed_role_ = typed_role_ == "user" ? "assistant" : typed_role_ == "assistant" ? "system" : "user";
    return;
  }
  // A path or a comment of C begins with a slash too, but no command has a second one or a star in its name.
  const size_t name_end = std::min(trimmed_text.find_first_of(" \t\n"), trimmed_text.size());
  const std::string name = trimmed_text.substr(0, name_end);
  const bool is_command = name.size() > 1 && name[0] == '/' && name.find_first_of("/*", 1) == name.npos;
  if (!is_command) return ask(text);
  if (const Command* command = find_command(name)) return (this->*command->run)(trimmed(trimmed_text.substr(name_end)));
  unknown_command(name);
}

void Session::ask(const std::string& text) {
  asked_ = true;
  if (manual_) {
    add({typed_role_, text});
    typed_role_ = typed_role_ == "user" ? "assistant" : "user";
    return;
  }
  add({"user", std::exchange(attachments_, {}) + text});
  answer();
}

bool Session::stop_requested() {
  if (platform::InterruptGuard::take()) interrupted_ = true;
  return interrupted_ || !screen_.alive() || platform::TerminationGuard::requested() != 0;
}

// Answers the last message and adds what was said, also when it was stopped.
void Session::answer() {
  const platform::InterruptGuard guard;
  interrupted_ = false;
  bool told = false;  // that the beginning of the answer is forgotten: once is enough
  Spinner spinner(screen_);
  AnswerEvents events;
  events.on_prompt = [&](size_t done, size_t total, double tokens_per_s) {
    std::string text = fmt::format("reading {} of {} tokens ({:.0f} %)", done, total,
                                   100.0 * static_cast<double>(done) / static_cast<double>(total));
    if (done > 0) text += fmt::format(", {:.0f} tokens/s", tokens_per_s);
    spinner.say(text);
  };
  events.on_text = [&](std::string_view text) {
    spinner.stop();
    screen_.stream(text);
  };
  events.on_forgotten = [&](size_t n) {
    if (n == 0 && std::exchange(told, true)) return;
    spinner.stop();
    screen_.notice(n > 0 ? fmt::format("(the context is full: the model no longer sees {})", oldest_messages(n))
                         : std::string("(the context is full: the model no longer sees the beginning of this answer)"));
  };
  events.stop_requested = [&] { return stop_requested(); };
  const auto result = responder_.answer(conversation_, events);
  spinner.stop();
  screen_.end_answer();
  if (!result.ok()) {
    screen_.error(result.error().message);
    // The question can't be answered: it does not stay in the way of the next one.
    if (conversation_.undo(true)) changed();
    return;
  }
  if (!result->text.empty()) add({"assistant", result->text});
  if (interrupted_) screen_.notice("(stopped)");
  show_status(*result);
}

void Session::show_status(const Answer& answer) {
  if (!options_.status || !terminal_ || answer.text.empty()) return;
  const Statistics& s = responder_.statistics();
  const double seconds = s.generation_ms / 1000.0;
  const size_t used = responder_.n_context_used();
  screen_.notice(fmt::format("({} tokens, {:.1f} tokens/s, context {:.0f} %)", s.n_generated,
                             seconds > 0 ? static_cast<double>(s.n_generated) / seconds : 0.0,
                             100.0 * static_cast<double>(used) / responder_.engine().n_ctx()));
}

// ---- keeping ----------------------------------------------------------------------------------------------------

ChatHeader Session::header() const {
  return {.model = options_.model_name,
          .system_prompt = conversation_.system_prompt(),
          .settings = changed_settings(responder_.options())};
}

void Session::report(const Status& status) {
  if (status.ok() || std::exchange(store_failed_, true)) return;  // once is enough
  screen_.error(fmt::format("the chat can't be kept: {}", status.error().message));
}

void Session::add(const Message& message) {
  conversation_.add(message);
  // A script's chat is kept only if it has a name.
  if (terminal_ != nullptr || !store_.name().empty()) report(store_.add(header(), message));
}

// For the next time: a chat that is loaded again need not be computed again.
void Session::keep_cache() {
  const auto path = store_.cache_path();
  if (path.empty()) return;
  // Without it the chat is only slower to resume: no reason to complain.
  static_cast<void>(responder_.keep(path));
  store_.trim_caches();
}

// The conversation is another one than what was kept, not only longer.
void Session::changed() {
  report(store_.rewrite(header(), conversation_));
}

// ---- entries ----------------------------------------------------------------------------------------------------

Result<int> run_chat(std::unique_ptr<Generator> generator, const ChatOptions& options) {
  return Session(std::move(generator), options).run();
}

Result<int> answer_once(engine::Engine& engine, const ChatOptions& options, const std::string& question) {
  const platform::InterruptGuard guard;
  Screen screen(screen_options(options));
  Responder responder(own_generator(engine), options.generate, options.template_variables);
  responder.stop_when_full();
  Conversation conversation;
  conversation.set_system_prompt(options.system_prompt);
  conversation.add({"user", question});
  bool interrupted = false;
  AnswerEvents events;
  events.on_text = [&](std::string_view text) { screen.stream(text); };
  events.stop_requested = [&] {
    return !screen.alive() || (interrupted = interrupted || platform::InterruptGuard::take());
  };
  QUIPU_TRY(const Answer answer, responder.answer(conversation, events));
  screen.end_answer();
  return interrupted ? 130 : screen.alive() ? 0 : 141;
}

}  // namespace quipu::chat
