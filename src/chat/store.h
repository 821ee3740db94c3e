// Chats on disk: one JSON object a line, readable by the user alone.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chat/conversation.h"

namespace quipu::chat {

// What a file says beside the messages.
struct ChatHeader {
  std::string model;
  std::string system_prompt;
  std::map<std::string, std::string> settings;  // as /set takes them
};

struct LoadedChat {
  ChatHeader header;
  std::vector<Message> messages;
  std::string remark;  // not empty: the file was damaged; what was done
};

struct ChatInfo {
  std::string name, saved, first_question;
  size_t n_messages = 0;
};

// The chat at hand is written as it grows, under the time of its beginning or the name that the user gave it. Format:
// docs/formats/chat.md.
class ChatStore {
 public:
  ChatStore() = default;  // keeps nothing
  explicit ChatStore(std::filesystem::path folder);

  [[nodiscard]] bool keeps() const { return !folder_.empty(); }
  // The name of the chat at hand; empty before its first message.
  [[nodiscard]] const std::string& name() const { return name_; }

  // The next message begins another chat.
  void start_new();
  // After a message was added: appends it. After anything else changed: writes the whole. Errors: io.
  Status add(const ChatHeader& header, const Message& message);
  Status rewrite(const ChatHeader& header, const Conversation& conversation);
  // From now on the chat at hand has this name. Errors: a bad name; one that exists, unless `overwrite`; io.
  Status save_as(const std::string& name, const ChatHeader& header, const Conversation& conversation, bool overwrite);
  // A chat that is then the one at hand. A damaged file is set aside (NAME.jsonl.damaged, -2 ...), and what could be
  // read of it written anew. Errors: not_found; io; nothing in it can be read.
  Result<LoadedChat> load(const std::string& name);
  // Removes the files of the chat at hand.
  void erase();
  // Where the keys and values of the chat at hand lie (engine::Sequence::save), beside its messages. Empty before its
  // first message. Those of the chats that were used least lately are removed where all take more than 1 GiB.
  [[nodiscard]] std::filesystem::path cache_path() const;
  void trim_caches() const;

  // The latest first.
  [[nodiscard]] std::vector<ChatInfo> list() const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const std::string& name) const { return folder_ / (name + ".jsonl"); }
  [[nodiscard]] std::filesystem::path cache_of(const std::string& name) const { return folder_ / (name + ".kv"); }
  Status begin(const ChatHeader& header);

  std::filesystem::path folder_;
  std::string name_;
};

}  // namespace quipu::chat
