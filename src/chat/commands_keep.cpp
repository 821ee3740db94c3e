// Commands about chats on disk.
#include <fmt/format.h>

#include "chat/chat_settings.h"
#include "chat/commands.h"
#include "chat/lines.h"
#include "chat/session.h"

namespace quipu::chat {

void Session::save(std::string_view arguments) {
  const bool overwrite = arguments.starts_with("-f ");
  const std::string name(overwrite ? arguments.substr(3) : arguments);
  if (name.empty()) return usage("/save");
  const Status status = store_.save_as(name, header(), conversation_, overwrite);
  if (!status.ok()) return screen_.error(status.error().message);
  screen_.notice(fmt::format("(kept as '{}')", name));
}

void Session::load(std::string_view arguments) {
  if (arguments.empty()) return usage("/load");
  keep_cache();
  auto loaded = store_.load(std::string(arguments));
  if (!loaded.ok()) return screen_.error(loaded.error().message);
  if (!loaded->remark.empty()) screen_.error(loaded->remark);
  conversation_.assign(std::move(loaded->messages));
  conversation_.set_system_prompt(loaded->header.system_prompt);
  for (const auto& [name, value] : loaded->header.settings) {
    // A file that somebody changed by hand: what is wrong in it is left out.
    static_cast<void>(set_setting(responder_.options(), name, value));
  }
  asked_ = true;
  responder_.restore(store_.cache_path());
  show_messages();
  if (loaded->header.model != options_.model_name && !loaded->header.model.empty()) {
    screen_.notice(fmt::format("(this chat was held with {})", loaded->header.model));
  }
}

// What was said last, so that one knows where one is.
void Session::show_messages() {
  constexpr size_t kShown = 6;
  const auto& messages = conversation_.messages();
  const size_t first = messages.size() > kShown ? messages.size() - kShown : 0;
  if (first > 0) screen_.notice(fmt::format("({} messages before)", first));
  for (size_t i = first; i < messages.size(); ++i) {
    if (messages[i].role == "assistant") {
      screen_.stream(messages[i].content);
      screen_.end_answer();
    } else {
      screen_.print((messages[i].role == "user" ? ">>> " : "system: ") + messages[i].content);
    }
  }
}

void Session::list(std::string_view) {
  constexpr size_t kShown = 30, kQuestionCells = 40;
  const auto chats = store_.list();
  if (chats.empty())
    return screen_.print(store_.keeps() ? "no saved chats\n" : "nothing is kept (--no-history, or no home folder)\n");
  std::string text;
  for (size_t i = 0; i < std::min(chats.size(), kShown); ++i) {
    text += fmt::format("  {:<22} {:>3} messages  {}\n", chats[i].name, chats[i].n_messages,
                        shortened(chats[i].first_question, kQuestionCells));
  }
  if (chats.size() > kShown) text += fmt::format("  and {} older ones\n", chats.size() - kShown);
  screen_.print(text);
}

void Session::go_private(std::string_view) {
  store_.erase();
  store_ = ChatStore();
  history_.stop_keeping();
  screen_.notice("(nothing of this chat is kept)");
}

}  // namespace quipu::chat
