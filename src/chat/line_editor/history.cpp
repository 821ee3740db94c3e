#include "chat/line_editor/history.h"

#include <algorithm>

#include "chat/line_editor/key_reader.h"
#include "platform/terminal.h"

namespace quipu::chat {
namespace {

constexpr uint64_t kMaxFileBytes = 64U << 20;
constexpr size_t kMaxKeptBytes = 64U << 10;

std::string line_of(const std::string& entry) {
  std::string line;
  for (const char c : entry) {
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line + "\n";
}

std::string entry_of(std::string_view line) {
  std::string entry;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      ++i;
      entry += line[i] == 'n' ? '\n' : line[i];
    } else {
      entry += line[i];
    }
  }
  return cleaned_paste(entry);  // the file may have been damaged
}

}  // namespace

History::History(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code code;
  if (!std::filesystem::exists(path_, code)) return;
  const auto text = platform::read_file(path_, kMaxFileBytes);
  if (!text.ok()) return;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    std::string entry = entry_of(std::string_view(*text).substr(at, end - at));
    if (!entry.empty()) entries_.push_back(std::move(entry));
    ++n_lines_;
    at = end + 1;
  }
  if (entries_.size() > kMaxEntries) entries_.erase(entries_.begin(), entries_.end() - kMaxEntries);
}

void History::add(const std::string& entry) {
  if (entry.empty() || (!entries_.empty() && entries_.back() == entry)) return;
  entries_.push_back(entry);
  if (entries_.size() > kMaxEntries) entries_.erase(entries_.begin());
  if (path_.empty() || entry.size() > kMaxKeptBytes) return;
  // Appended, so that several chats at once do not undo each other's lines; rewritten when it has grown to the double.
  if (!platform::make_private_folder(path_.parent_path()).ok()) return;
  if (++n_lines_ < 2 * kMaxEntries) {
    static_cast<void>(platform::append_private_file(path_, line_of(entry)));
    return;
  }
  std::string all;
  for (const std::string& kept : entries_) {
    if (kept.size() <= kMaxKeptBytes) all += line_of(kept);
  }
  if (platform::write_private_file(path_, all).ok()) n_lines_ = entries_.size();
}

std::optional<size_t> History::find_back(std::string_view part, size_t before) const {
  for (size_t i = std::min(before, entries_.size()); i-- > 0;) {
    if (entries_[i].find(part) != std::string::npos) return i;
  }
  return std::nullopt;
}

std::optional<size_t> History::find_forward(std::string_view part, size_t after) const {
  for (size_t i = after + 1; i < entries_.size(); ++i) {
    if (entries_[i].find(part) != std::string::npos) return i;
  }
  return std::nullopt;
}

}  // namespace quipu::chat
