// The lines that were typed before.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quipu::chat {

// At most 1024 entries, in memory and in a file with one entry a line (line ends as \n, backslashes as \\). A file
// that can't be read or written is passed over in silence: a history is no reason to stop.
class History {
 public:
  static constexpr size_t kMaxEntries = 1024;

  History() = default;  // in memory only
  explicit History(std::filesystem::path path);

  // Not what is empty or repeats the last entry. A text of more than 64 KiB is kept in memory only.
  void add(const std::string& entry);
  // From now on entries stay in memory.
  void stop_keeping() { path_.clear(); }
  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  // The newest entry older than `before` that contains `part`.
  [[nodiscard]] std::optional<size_t> find_back(std::string_view part, size_t before) const;
  [[nodiscard]] std::optional<size_t> find_forward(std::string_view part, size_t after) const;

 private:
  std::filesystem::path path_;
  std::vector<std::string> entries_;
  size_t n_lines_ = 0;  // of the file
};

}  // namespace quipu::chat
