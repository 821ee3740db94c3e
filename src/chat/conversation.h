// What was said in a chat, and what of it the model still sees.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "template/chat_template.h"

namespace quipu::chat {

struct Message {
  std::string role;  // system, user, assistant
  std::string content;

  bool operator==(const Message&) const = default;
};

// Messages in order. The system prompt is kept apart: it stays when older messages are forgotten.
class Conversation {
 public:
  [[nodiscard]] const std::string& system_prompt() const { return system_prompt_; }
  void set_system_prompt(std::string text) { system_prompt_ = std::move(text); }

  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  // Messages before this one are no longer shown to the model.
  [[nodiscard]] size_t n_forgotten() const { return n_forgotten_; }
  [[nodiscard]] bool empty() const { return messages_.empty(); }

  void add(Message message) { messages_.push_back(std::move(message)); }
  void clear();
  // Replaces the messages (a chat that was loaded).
  void assign(std::vector<Message> messages);
  // Takes back the last question and all after it; `one`: the last message only. False if there is nothing.
  bool undo(bool one);
  // Takes back the last answer. False if the last message is none.
  bool take_back_answer();
  // The oldest message that the model sees is not shown to it any longer. False if there is none.
  bool forget();
  // The same for the oldest whole turn: up to the next question. False if there is no next one.
  bool forget_turn();
  // The last message of a role, or null.
  [[nodiscard]] const Message* last(std::string_view role) const;

  // Marks that /push sets and /pop goes back to: numbers of messages.
  void push() { marks_.push_back(messages_.size()); }
  bool pop();
  [[nodiscard]] const std::vector<size_t>& marks() const { return marks_; }

  // For the template: the system prompt, if there is one, and what the model still sees.
  [[nodiscard]] chat_template::Json to_json() const;

 private:
  void shrink_to(size_t n_messages);

  std::string system_prompt_;
  std::vector<Message> messages_;
  size_t n_forgotten_ = 0;
  std::vector<size_t> marks_;
};

// "1 message", "2 messages"; "the oldest message", "the 2 oldest messages".
std::string n_messages(size_t n);
std::string oldest_messages(size_t n);

}  // namespace quipu::chat
