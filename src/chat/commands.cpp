#include "chat/commands.h"

#include <algorithm>
#include <array>

#include "chat/chat_settings.h"
#include "platform/terminal.h"
#include "text/edit_distance.h"

namespace quipu::chat {
namespace {

constexpr auto none = ArgumentKind::none;

constexpr std::array kCommands{
    Command{"/help", "[COMMAND]", "this list, or more about a command", "Shows all commands, or what one of them does.",
            ArgumentKind::command, &Session::help},
    Command{"/?", "", "", "Shows all commands, as /help does.", none, &Session::help},
    Command{"/exit", "", "end the program",
            "Ends the program, as ctrl-d on an empty line does. The chat stays on disk.", none, &Session::exit},
    Command{"/bye", "", "", "Ends the program, as /exit does.", none, &Session::exit},
    Command{"/clear", "", "begin a new chat",
            "Begins anew with the same system prompt. The chat so far stays on disk; marks of /push are dropped.", none,
            &Session::clear},
    Command{"/undo", "", "take back the last question and its answer",
            "Takes back what was said last: the answer and the question. In manual mode only the last message.", none,
            &Session::undo},
    Command{"/retry", "", "another answer to the last question",
            "Drops the last answer and generates another one. At temperature 0 it is the same again.", none,
            &Session::retry},
    Command{"/edit", "", "change the last question in $EDITOR and ask it again",
            "Opens the last question in $EDITOR, takes it and its answer back, and asks what was saved.", none,
            &Session::edit},
    Command{"/copy", "", "put the last answer on the clipboard",
            "Asks the terminal to put the last answer on the clipboard (OSC 52). Some terminals have to be told to "
            "allow it.",
            none, &Session::copy},
    Command{"/upload", "FILE", "give a text file to the model",
            "Reads a text file; its content goes with your next message.", ArgumentKind::path, &Session::upload},
    Command{"/system", "[TEXT]", "show or set the system prompt",
            "Without a text, shows the system prompt. With one, sets it, from the next answer on.", none,
            &Session::system},
    Command{"/set", "NAME VALUE", "change a setting, such as /set temperature 0.2",
            "Changes a setting of the sampling, from the next answer on, such as /set temperature 0.2. /show lists "
            "them.",
            ArgumentKind::setting, &Session::set},
    Command{"/show", "[NAME]", "show all settings, or one with its range",
            "Shows all settings of the sampling, or one with its range.", ArgumentKind::setting, &Session::show},
    Command{
        "/forget", "", "the model no longer sees the oldest message",
        "Frees room in the context: the oldest message is not shown to the model any longer. The system prompt stays.",
        none, &Session::forget},
    Command{"/push", "", "mark this place, go back to the last mark, show marks",
            "Marks this place, so that /pop comes back to it.", none, &Session::push},
    Command{"/pop", "", "", "Goes back to where /push was said last.", none, &Session::pop},
    Command{"/stack", "", "", "Shows the marks that /push has set.", none, &Session::stack},
    Command{
        "/manual", "[on|off]", "write messages of any role yourself",
        "In manual mode nothing is generated: what you type is added as a message of the role before >>>, and Enter on "
        "an empty line changes the role.",
        ArgumentKind::on_off, &Session::manual},
    Command{"/context", "", "how full the context is; speed; about the model",
            "Shows how many tokens of the context are used.", none, &Session::context},
    Command{"/stats", "", "", "Shows how fast prompts were read and answers written.", none, &Session::stats},
    Command{"/model", "", "", "Shows the model's name, size, context and template.", none, &Session::model},
    Command{"/dump", "[FILE]", "show or save what the model sees",
            "Prints the conversation as the model sees it, with the control tokens of its template, or writes it to a "
            "file.",
            ArgumentKind::path, &Session::dump},
    Command{"/tokens", "TEXT", "show the tokens of a text", "Shows a text cut into tokens, with their ids.", none,
            &Session::tokens},
    Command{"/save", "[-f] NAME", "keep this chat under a name (-f: over another)",
            "Gives the chat a name. It is kept from its first message on anyway, under the time of its beginning. With "
            "-f another chat of that name is overwritten.",
            ArgumentKind::chat_name, &Session::save},
    Command{"/load", "NAME", "go on with a saved chat", "Loads a chat with its system prompt and settings.",
            ArgumentKind::chat_name, &Session::load},
    Command{"/list", "", "show saved chats", "Shows the saved chats, the latest first.", none, &Session::list},
    Command{"/private", "", "keep nothing of this chat on disk",
            "Removes what was kept of this chat, and keeps nothing from now on: neither messages nor typed lines.",
            none, &Session::go_private},
};

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// Files and folders whose path begins with `word`; folders end with a slash.
std::vector<std::string> paths_like(const std::string& word) {
  const size_t slash = word.rfind('/');
  const std::string shown_folder = slash == word.npos ? "" : word.substr(0, slash + 1);
  const std::string start = slash == word.npos ? word : word.substr(slash + 1);
  std::string folder = shown_folder.empty() ? "." : shown_folder;
  if (starts_with(folder, "~/")) folder = platform::environment("HOME").value_or("") + folder.substr(1);
  std::vector<std::string> paths;
  std::error_code code;
  for (const auto& item : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = item.path().filename().string();
    if (!starts_with(name, start) || (start.empty() && name[0] == '.')) continue;
    paths.push_back(cleaned_paste(shown_folder + name) + (item.is_directory(code) ? "/" : ""));
  }
  return paths;
}

std::vector<std::string> arguments_like(ArgumentKind kind, const std::string& word, const ChatStore& store) {
  std::vector<std::string> words;
  switch (kind) {
    case ArgumentKind::none:
      return {};
    case ArgumentKind::path:
      return paths_like(word);
    case ArgumentKind::command:
      for (const Command& command : kCommands) words.emplace_back(command.name.substr(1));
      break;
    case ArgumentKind::setting:
      for (const std::string_view name : setting_names()) words.emplace_back(name);
      break;
    case ArgumentKind::chat_name:
      words = store.names();
      break;
    case ArgumentKind::on_off:
      words = {"on", "off"};
      break;
  }
  std::erase_if(words, [&](const std::string& candidate) { return !starts_with(candidate, word); });
  return words;
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

const Command* find_command(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  for (const Command& command : kCommands) {
    if (command.name.substr(1) == name) return &command;
  }
  return nullptr;
}

const Command* near_command(std::string_view name) {
  constexpr size_t kMaxName = 64;
  const Command *begun = nullptr, *nearest = nullptr;
  size_t n_begun = 0, least = 3;
  for (const Command& command : kCommands) {
    if (starts_with(command.name, name)) begun = &command, ++n_begun;
    const size_t distance = name.size() > kMaxName ? least : text::edit_distance(name, command.name);
    // Two slips in a short name make another one.
    if (distance < least && distance < name.size() / 2) nearest = &command, least = distance;
  }
  return n_begun == 1 ? begun : nearest;
}

Completion complete_command(std::string_view text, size_t cursor, const ChatStore& store) {
  const std::string_view before = text.substr(0, cursor);
  if (!before.starts_with('/') || before.find('\n') != before.npos) return {};
  const size_t blank = before.find(' ');
  Completion completion;
  if (blank == before.npos) {
    for (const Command& command : kCommands) {
      if (starts_with(command.name, before)) completion.candidates.emplace_back(command.name);
    }
  } else if (const Command* command = find_command(before.substr(0, blank))) {
    // A path may hold blanks: it is all that follows; of other arguments the last word counts.
    const size_t word = command->kind == ArgumentKind::path ? blank : before.rfind(' ');
    completion.begin = word + 1;
    const bool second = word != blank && command->kind == ArgumentKind::setting;
    if (!second) completion.candidates = arguments_like(command->kind, std::string(before.substr(word + 1)), store);
  }
  std::sort(completion.candidates.begin(), completion.candidates.end());
  return completion;
}

std::string command_hint(std::string_view text) {
  if (!text.starts_with('/') || text.size() < 2) return "";
  const size_t blank = text.find(' ');
  const Command* only = nullptr;
  for (const Command& command : kCommands) {
    if (blank == text.npos && starts_with(command.name, text) && command.name != text) {
      if (only != nullptr) return "";
      only = &command;
    }
  }
  if (blank == text.npos && only != nullptr) {
    return std::string(only->name.substr(text.size())) + (only->arguments.empty() ? "" : " ") +
           std::string(only->arguments);
  }
  const Command* command = find_command(text.substr(0, blank));
  if (command == nullptr || command->arguments.empty()) return "";
  if (blank == text.npos) return " " + std::string(command->arguments);
  return blank + 1 == text.size() ? std::string(command->arguments) : "";
}

}  // namespace quipu::chat
