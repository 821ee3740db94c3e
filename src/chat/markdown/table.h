// Tables of Markdown (GitHub's), drawn when they are complete.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/markdown/style.h"

namespace quipu::chat {

class Table {
 public:
  // A line that begins a table or goes on with it.
  static bool is_row(std::string_view line) { return line.starts_with('|'); }

  void add(std::string_view line);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  // Drawn within `columns` (0: as wide as it is); cells that are too wide are wrapped. What turns out to be no table
  // (no line of dashes below the first) comes back as it is. Lines end in "\r\n"; styles are reset at each.
  [[nodiscard]] std::string draw(size_t columns) const;
  void clear() { lines_.clear(); }

 private:
  std::vector<std::string> lines_;
};

}  // namespace quipu::chat
