// The chat at work: what the commands change. Seen by this room alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat.h"
#include "chat/conversation.h"
#include "chat/line_editor/line_editor.h"
#include "chat/responder.h"
#include "chat/screen.h"
#include "chat/store.h"

namespace quipu::chat {

struct Command;

class Session {
 public:
  Session(std::unique_ptr<Generator> generator, const ChatOptions& options);
  ~Session();

  Result<int> run();

  // ---- commands (commands.h): `arguments` is what stands behind the name, trimmed
  void help(std::string_view arguments);
  void exit(std::string_view arguments);
  void clear(std::string_view arguments);
  void undo(std::string_view arguments);
  void forget(std::string_view arguments);
  void push(std::string_view arguments);
  void pop(std::string_view arguments);
  void stack(std::string_view arguments);
  void manual(std::string_view arguments);
  void upload(std::string_view arguments);
  void retry(std::string_view arguments);
  void edit(std::string_view arguments);
  void copy(std::string_view arguments);
  void system(std::string_view arguments);

  void context(std::string_view arguments);
  void dump(std::string_view arguments);
  void stats(std::string_view arguments);
  void model(std::string_view arguments);
  void tokens(std::string_view arguments);
  void set(std::string_view arguments);
  void show(std::string_view arguments);

  void save(std::string_view arguments);
  void load(std::string_view arguments);
  void list(std::string_view arguments);
  void go_private(std::string_view arguments);

  // ---- for completion
  [[nodiscard]] const ChatStore& store() const { return store_; }

 private:
  std::optional<std::string> read_text(const std::string& initial);
  std::optional<std::string> read_plain_line();
  void take(const std::string& text);
  void ask(const std::string& text);
  void answer();
  void add(const Message& message);
  void changed();
  void keep_cache();
  void show_status(const Answer& answer);
  void show_messages();
  void show_banner();
  bool stop_requested();
  [[nodiscard]] Prompt prompt() const;
  [[nodiscard]] std::string hint(std::string_view text) const;
  [[nodiscard]] ChatHeader header() const;
  void report(const Status& status);
  void usage(std::string_view command);
  void unknown_command(std::string_view name);

  const ChatOptions& options_;
  Screen screen_;
  Responder responder_;
  Conversation conversation_;
  ChatStore store_;
  std::unique_ptr<platform::TerminationGuard> termination_;
  std::unique_ptr<platform::Terminal> terminal_;  // null without line editor
  History history_;
  std::unique_ptr<LineEditor> editor_;
  std::string attachments_;  // files that go with the next question
  std::string next_input_;   // the line editor begins with it
  std::string typed_role_ = "user";
  bool manual_ = false, done_ = false, interrupted_ = false, asked_ = false, store_failed_ = false;
  bool leave_warned_ = false;
  int exit_code_ = 0;
};

}  // namespace quipu::chat
