// The commands of the chat.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "chat/line_editor/line_editor.h"
#include "chat/session.h"

namespace quipu::chat {

enum class ArgumentKind : uint8_t { none, command, path, setting, chat_name, on_off };

struct Command {
  std::string_view name;       // with the slash
  std::string_view arguments;  // for the usage line
  std::string_view summary;    // its line of /help; empty: it stands in the line of the one before
  std::string_view help;       // of /help NAME
  ArgumentKind kind;
  void (Session::*run)(std::string_view arguments);
};

std::span<const Command> commands();
// By its name, with or without the slash. Null if there is none.
const Command* find_command(std::string_view name);
// The known command nearest to a mistyped one, or null.
const Command* near_command(std::string_view name);

// What could stand at the cursor: commands, and what they take.
Completion complete_command(std::string_view text, size_t cursor, const ChatStore& store);
// What is usually typed next: the rest of a command's name, or its arguments.
std::string command_hint(std::string_view text);

}  // namespace quipu::chat
