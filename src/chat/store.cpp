#include "chat/store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/terminal.h"

namespace quipu::chat {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxChatBytes = 256U << 20;
constexpr size_t kMaxName = 100;
constexpr std::string_view kCacheExtension = ".kv";
// Some tens of long chats with a small model, some with a large one.
constexpr uintmax_t kMaxCacheBytes = 1U << 30;
constexpr int kVersion = 1;

std::string line_of(const Json& json) {
  // Text of a model may be cut within a character: such bytes become U+FFFD instead of an exception.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json header_json(const ChatHeader& header) {
  Json json = {{"quipu_chat", kVersion},
               {"saved", platform::local_time("%Y-%m-%d %H:%M:%S")},
               {"model", header.model},
               {"system", header.system_prompt}};
  json["settings"] = Json(header.settings);
  return json;
}

Json message_json(const Message& message) {
  return {{"role", message.role}, {"content", message.content}};
}

std::string text_in(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool is_header(const Json& json) {
  const auto it = json.is_object() ? json.find("quipu_chat") : json.end();
  return it != json.end() && it->is_number_integer();
}

// Nothing for a line that is no message.
std::optional<Message> message_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  Message message{text_in(json, "role"), text_in(json, "content")};
  const bool known = message.role == "system" || message.role == "user" || message.role == "assistant";
  return known && json.contains("content") ? std::optional(std::move(message)) : std::nullopt;
}

struct Parsed {
  LoadedChat chat;
  std::string saved;
  size_t n_bad_lines = 0, n_good_lines = 0;
};

Parsed parse(const std::string& text) {
  Parsed parsed;
  bool header_seen = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto json = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                                  text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    at = end + 1;
    if (!json.is_discarded() && is_header(json) && !header_seen) {
      header_seen = true;
      ++parsed.n_good_lines;
      parsed.saved = text_in(json, "saved");
      parsed.chat.header.model = text_in(json, "model");
      parsed.chat.header.system_prompt = text_in(json, "system");
      const auto settings = json.find("settings");
      if (settings == json.end() || !settings->is_object()) continue;
      for (const auto& [key, value] : settings->items()) {
        if (value.is_string()) parsed.chat.header.settings[key] = value.get<std::string>();
      }
      continue;
    }
    auto message = json.is_discarded() ? std::nullopt : message_of(json);
    if (!message) {
      ++parsed.n_bad_lines;
      continue;
    }
    ++parsed.n_good_lines;
    parsed.chat.messages.push_back(std::move(*message));
  }
  return parsed;
}

// The name, or with a number behind it where that file exists already.
std::filesystem::path free_name(const std::string& name) {
  std::error_code code;
  std::filesystem::path path = name;
  for (int i = 2; std::filesystem::exists(path, code); ++i) path = fmt::format("{}-{}", name, i);
  return path;
}

Status check_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || static_cast<unsigned char>(c) >= 0x80;
  };
  if (name.empty() || name.size() > kMaxName || name.front() == '.' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return invalid_input("'{}' can't be the name of a chat: take up to {} letters, digits, - _ and .", name, kMaxName);
  }
  return {};
}

}  // namespace

ChatStore::ChatStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

void ChatStore::start_new() {
  name_.clear();
}

// Gives the chat at hand the time as its name, and makes the file.
Status ChatStore::begin(const ChatHeader& header) {
  QUIPU_CHECK_OK(platform::make_private_folder(folder_));
  const std::string now = platform::local_time("%Y-%m-%d-%H%M%S");
  std::error_code code;
  name_ = now;
  for (int i = 2; std::filesystem::exists(path_of(name_), code); ++i) name_ = fmt::format("{}-{}", now, i);
  Status status = platform::append_private_file(path_of(name_), line_of(header_json(header)));
  if (!status.ok()) name_.clear();
  return status;
}

Status ChatStore::add(const ChatHeader& header, const Message& message) {
  if (!keeps()) return {};
  if (name_.empty()) QUIPU_CHECK_OK(begin(header));
  return platform::append_private_file(path_of(name_), line_of(message_json(message)));
}

Status ChatStore::rewrite(const ChatHeader& header, const Conversation& conversation) {
  if (!keeps() || name_.empty()) return {};
  std::string text = line_of(header_json(header));
  for (const Message& message : conversation.messages()) text += line_of(message_json(message));
  return platform::write_private_file(path_of(name_), text);
}

Status ChatStore::save_as(const std::string& name, const ChatHeader& header, const Conversation& conversation,
                          bool overwrite) {
  if (!keeps())
    return error_of(ErrorKind::unsupported, "nothing is kept in this chat (--no-history, or no home folder)");
  QUIPU_CHECK_OK(check_name(name));
  QUIPU_CHECK_OK(platform::make_private_folder(folder_));
  std::error_code code;
  if (name != name_ && !overwrite && std::filesystem::exists(path_of(name), code)) {
    return invalid_input("there is a chat '{}' already; /save -f {} replaces it", name, name);
  }
  const std::string before = std::exchange(name_, name);
  Status status = rewrite(header, conversation);
  if (!status.ok()) {
    name_ = before;
    return status;
  }
  if (!before.empty() && before != name) {
    std::filesystem::remove(path_of(before), code);
    std::filesystem::remove(cache_of(before), code);
  }
  return {};
}

Result<LoadedChat> ChatStore::load(const std::string& name) {
  if (!keeps())
    return error_of(ErrorKind::unsupported, "nothing is kept in this chat (--no-history, or no home folder)");
  QUIPU_CHECK_OK(check_name(name));
  const auto path = path_of(name);
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    return error_of(ErrorKind::not_found, "there is no chat '{}'; /list shows them", name);
  QUIPU_TRY(const std::string text, platform::read_file(path, kMaxChatBytes));
  Parsed parsed = parse(text);
  if (parsed.n_bad_lines > 0) {
    const std::filesystem::path aside = free_name(path.string() + ".damaged");
    std::filesystem::rename(path, aside, code);
    if (code)
      return error_of(ErrorKind::io, "{}: is damaged and can't be set aside: {}", path.string(), code.message());
    if (parsed.n_good_lines == 0)
      return invalid_input("the chat '{}' can't be read; it was set aside as {}", name, aside.string());
    parsed.chat.remark =
        fmt::format("{} of the chat could not be read; the damaged file was set aside as {}",
                    parsed.n_bad_lines == 1 ? "1 line" : fmt::format("{} lines", parsed.n_bad_lines), aside.string());
  }
  name_ = name;
  if (parsed.n_bad_lines > 0) {
    Conversation conversation;
    conversation.assign(parsed.chat.messages);
    QUIPU_CHECK_OK(rewrite(parsed.chat.header, conversation));
  }
  return std::move(parsed.chat);
}

void ChatStore::erase() {
  if (!keeps() || name_.empty()) return;
  std::error_code code;
  std::filesystem::remove(path_of(name_), code);
  std::filesystem::remove(cache_of(name_), code);
  name_.clear();
}

std::filesystem::path ChatStore::cache_path() const {
  return keeps() && !name_.empty() ? cache_of(name_) : std::filesystem::path();
}

void ChatStore::trim_caches() const {
  struct Cache {
    std::filesystem::file_time_type time;
    uintmax_t bytes;
    std::filesystem::path path;
  };
  std::vector<Cache> caches;
  std::error_code code;
  for (const auto& item : std::filesystem::directory_iterator(folder_, code)) {
    if (item.path().extension() == kCacheExtension)
      caches.push_back({item.last_write_time(code), item.file_size(code), item.path()});
  }
  std::sort(caches.begin(), caches.end(), [](const Cache& a, const Cache& b) { return a.time > b.time; });
  uintmax_t total = 0;
  for (const Cache& cache : caches) {
    total += cache.bytes;
    if (total > kMaxCacheBytes) std::filesystem::remove(cache.path, code);
  }
}

std::vector<std::string> ChatStore::names() const {
  std::vector<std::string> names;
  std::error_code code;
  if (!keeps()) return names;
  for (const auto& item : std::filesystem::directory_iterator(folder_, code)) {
    if (item.path().extension() == ".jsonl") names.push_back(item.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<ChatInfo> ChatStore::list() const {
  std::vector<std::pair<std::filesystem::file_time_type, ChatInfo>> found;
  std::error_code code;
  for (const std::string& name : names()) {
    const auto text = platform::read_file(path_of(name), kMaxChatBytes);
    if (!text.ok()) continue;
    const Parsed parsed = parse(*text);
    ChatInfo info{.name = name, .saved = parsed.saved, .first_question = "", .n_messages = parsed.chat.messages.size()};
    for (const Message& message : parsed.chat.messages) {
      if (message.role != "user") continue;
      info.first_question = message.content;
      break;
    }
    found.emplace_back(std::filesystem::last_write_time(path_of(name), code), std::move(info));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<ChatInfo> infos;
  infos.reserve(found.size());
  for (auto& [time, info] : found) infos.push_back(std::move(info));
  return infos;
}

}  // namespace quipu::chat
