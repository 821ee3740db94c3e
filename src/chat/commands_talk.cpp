// Commands that change what is said.
#include <fmt/format.h>

#include <algorithm>

#include "chat/commands.h"
#include "chat/session.h"
#include "platform/terminal.h"
#include "text/base64.h"
#include "text/utf8.h"

namespace quipu::chat {
namespace {

constexpr uint64_t kMaxUploadBytes = 16U << 20;

// A fence that the content does not hold.
std::string fence_for(const std::string& content) {
  std::string fence = "```";
  while (content.find(fence) != content.npos) fence += '`';
  return fence;
}

}  // namespace

void Session::usage(std::string_view name) {
  const Command* command = find_command(name);
  screen_.error(fmt::format("usage: {} {}", command->name, command->arguments));
}

void Session::unknown_command(std::string_view name) {
  const std::string full = name.starts_with('/') ? std::string(name) : "/" + std::string(name);
  const Command* near = near_command(full);
  screen_.error(near == nullptr ? fmt::format("{} is no command; /? lists them", full)
                                : fmt::format("{} is no command; did you mean {}?", full, near->name));
}

void Session::help(std::string_view arguments) {
  if (!arguments.empty()) {
    const Command* command = find_command(arguments);
    if (command == nullptr) return unknown_command(arguments);
    return screen_.print(fmt::format("{} {}\n{}\n", command->name, command->arguments, command->help));
  }
  std::string text, names;
  for (size_t i = 0; i < commands().size(); ++i) {
    const Command& command = commands()[i];
    names += fmt::format("{}{}", names.empty() ? "" : " ", command.name);
    if (!command.arguments.empty()) names += fmt::format(" {}", command.arguments);
    if (i + 1 < commands().size() && commands()[i + 1].summary.empty()) continue;
    const size_t first = i - static_cast<size_t>(std::count(names.begin(), names.end(), '/') - 1);
    text += fmt::format("  {:<24}{}\n", std::exchange(names, ""), commands()[first].summary);
  }
  text +=
      "  \"\"\" ... \"\"\"             text of several lines; also by ctrl-j or alt-enter\n"
      "  Ctrl-C                  stop the answer; twice at the prompt: leave\n"
      "  Tab, Up, Ctrl-R         complete; lines typed before; search in them\n";
  screen_.print(text);
}

void Session::exit(std::string_view) {
  done_ = true;
}

void Session::clear(std::string_view) {
  keep_cache();
  conversation_.clear();
  store_.start_new();
  attachments_.clear();
  screen_.notice("(a new chat)");
}

void Session::undo(std::string_view) {
  if (!conversation_.undo(manual_)) return screen_.error("there is nothing to take back");
  changed();
  const Message* last = conversation_.messages().empty() ? nullptr : &conversation_.messages().back();
  screen_.notice(last == nullptr ? "(taken back: the chat is empty now)"
                                 : fmt::format("(taken back: {} left)", n_messages(conversation_.messages().size())));
}

void Session::forget(std::string_view) {
  if (!conversation_.forget()) return screen_.error("there is nothing to forget");
  screen_.notice(fmt::format("(the model no longer sees {})", oldest_messages(conversation_.n_forgotten())));
}

void Session::push(std::string_view) {
  conversation_.push();
  screen_.notice(
      fmt::format("(mark {} after {})", conversation_.marks().size(), n_messages(conversation_.messages().size())));
}

void Session::pop(std::string_view) {
  if (!conversation_.pop()) return screen_.error("there is no mark: /push sets one");
  changed();
  screen_.notice(fmt::format("(back to {})", n_messages(conversation_.messages().size())));
}

void Session::stack(std::string_view) {
  if (conversation_.marks().empty()) return screen_.print("no marks: /push sets one\n");
  std::string text;
  for (size_t i = 0; i < conversation_.marks().size(); ++i) {
    text += fmt::format("{}: after {}\n", i + 1, n_messages(conversation_.marks()[i]));
  }
  screen_.print(text);
}

void Session::manual(std::string_view arguments) {
  if (!arguments.empty() && arguments != "on" && arguments != "off") return usage("/manual");
  manual_ = arguments.empty() ? !manual_ : arguments == "on";
  typed_role_ = "user";
  screen_.notice(manual_ ? "(manual mode: messages are added as you type them, and nothing is generated)"
                         : "(manual mode is off)");
}

void Session::upload(std::string_view arguments) {
  if (arguments.empty()) return usage("/upload");
  std::string path(arguments);
  if (path.starts_with("~/")) path = platform::environment("HOME").value_or("") + path.substr(1);
  const auto content = platform::read_file(path, kMaxUploadBytes);
  if (!content.ok()) return screen_.error(content.error().message);
  if (content->find('\0') != content->npos || !text::is_valid_utf8(*content)) {
    return screen_.error(fmt::format("{}: is no text in UTF-8", path));
  }
  const std::string name = std::filesystem::path(path).filename().string(), fence = fence_for(*content);
  attachments_ +=
      fmt::format("File `{}`:\n\n{}\n{}{}{}\n\n", name, fence, *content, content->ends_with('\n') ? "" : "\n", fence);
  const size_t n_tokens = responder_.engine().model().tokenizer().encode(attachments_, {}).size();
  screen_.notice(
      fmt::format("({} goes with your next message: {} tokens of {})", name, n_tokens, responder_.engine().n_ctx()));
}

void Session::retry(std::string_view) {
  conversation_.take_back_answer();
  if (conversation_.messages().empty() || conversation_.messages().back().role != "user") {
    return screen_.error("there is no question to answer");
  }
  changed();
  answer();
}

void Session::edit(std::string_view) {
  const Message* question = conversation_.last("user");
  if (question == nullptr) return screen_.error("there is no question to change");
  if (!terminal_) return screen_.error("/edit needs a terminal");
  terminal_->set(platform::Terminal::Mode::found);
  auto edited = platform::edit_text(question->content);
  terminal_->set(platform::Terminal::Mode::quiet);
  if (!edited.ok()) return screen_.error(edited.error().message);
  std::string text = cleaned_paste(*edited);
  while (text.ends_with('\n')) text.pop_back();
  if (text.empty() || text == question->content) return screen_.notice("(nothing was changed)");
  while (!conversation_.messages().empty() && conversation_.messages().back().role != "user") conversation_.undo(true);
  conversation_.undo(true);
  changed();
  screen_.print(text);
  ask(text);
}

void Session::copy(std::string_view) {
  const Message* answer = conversation_.last("assistant");
  if (answer == nullptr) return screen_.error("there is no answer to copy");
  if (!terminal_) return screen_.error("/copy needs a terminal");
  platform::write_stream(platform::Stream::standard_output,
                         fmt::format("\x1b]52;c;{}\x07", text::base64(answer->content)));
  screen_.notice(fmt::format("({} characters were handed to the terminal)", answer->content.size()));
}

void Session::system(std::string_view arguments) {
  if (arguments.empty()) {
    return screen_.print(conversation_.system_prompt().empty() ? "no system prompt\n" : conversation_.system_prompt());
  }
  conversation_.set_system_prompt(std::string(arguments));
  changed();
  screen_.notice("(the system prompt holds from the next answer on)");
}

}  // namespace quipu::chat
