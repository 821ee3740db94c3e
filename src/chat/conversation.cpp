#include "chat/conversation.h"

#include <fmt/format.h>

#include <algorithm>

namespace quipu::chat {

void Conversation::clear() {
  messages_.clear();
  marks_.clear();
  n_forgotten_ = 0;
}

void Conversation::assign(std::vector<Message> messages) {
  clear();
  messages_ = std::move(messages);
}

void Conversation::shrink_to(size_t n_messages) {
  messages_.resize(std::min(n_messages, messages_.size()));
  n_forgotten_ = std::min(n_forgotten_, messages_.size());
  while (!marks_.empty() && marks_.back() > messages_.size()) marks_.pop_back();
}

bool Conversation::undo(bool one) {
  if (messages_.empty()) return false;
  size_t n = messages_.size() - 1;
  while (!one && n > 0 && messages_[n].role != "user") --n;
  shrink_to(n);
  return true;
}

bool Conversation::take_back_answer() {
  if (messages_.empty() || messages_.back().role != "assistant") return false;
  shrink_to(messages_.size() - 1);
  return true;
}

bool Conversation::forget() {
  if (n_forgotten_ == messages_.size()) return false;
  ++n_forgotten_;
  return true;
}

bool Conversation::forget_turn() {
  size_t next = n_forgotten_ + 1;
  while (next < messages_.size() && messages_[next].role != "user") ++next;
  if (next >= messages_.size()) return false;
  n_forgotten_ = next;
  return true;
}

const Message* Conversation::last(std::string_view role) const {
  const auto it = std::find_if(messages_.rbegin(), messages_.rend(), [&](const Message& m) { return m.role == role; });
  return it == messages_.rend() ? nullptr : &*it;
}

bool Conversation::pop() {
  if (marks_.empty()) return false;
  const size_t mark = marks_.back();
  marks_.pop_back();
  shrink_to(mark);
  return true;
}

std::string oldest_messages(size_t n) {
  return n == 1 ? "the oldest message" : fmt::format("the {} oldest messages", n);
}

std::string n_messages(size_t n) {
  return n == 1 ? "1 message" : fmt::format("{} messages", n);
}

chat_template::Json Conversation::to_json() const {
  auto json = chat_template::Json::array();
  const auto add = [&](std::string_view role, std::string_view content) {
    chat_template::Json message = chat_template::Json::object();
    message["role"] = role;
    message["content"] = content;
    json.push_back(std::move(message));
  };
  if (!system_prompt_.empty()) add("system", system_prompt_);
  for (size_t i = n_forgotten_; i < messages_.size(); ++i) add(messages_[i].role, messages_[i].content);
  return json;
}

}  // namespace quipu::chat
