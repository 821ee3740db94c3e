// Finds a marker in streamed text.
#pragma once

#include <algorithm>
#include <string_view>

namespace quipu::server {

struct MarkerPlace {
  size_t begin;  // of the marker, or of what may become one at the end; the text's size if neither
  bool whole;
};

inline MarkerPlace find_marker(std::string_view text, std::string_view marker) {
  if (const size_t at = text.find(marker); at != std::string_view::npos) return {at, true};
  for (size_t n = std::min(marker.size() - 1, text.size()); n > 0; n--) {
    if (marker.starts_with(text.substr(text.size() - n))) return {text.size() - n, false};
  }
  return {text.size(), false};
}

inline bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// White space between a call and what follows is not text, however the answer is cut. `*skips` is set when a call ends.
inline std::string_view without_space(std::string_view text, bool* skips) {
  if (!*skips) return text;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (!text.empty()) *skips = false;
  return text;
}

}  // namespace quipu::server
