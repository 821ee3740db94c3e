#include "template/strings.h"

#include <algorithm>
#include <array>

#include "template/value.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace quipu::chat_template {

// Python's str.isspace: Unicode's White_Space, and the four separators U+1C to U+1F.
bool is_white_space(std::string_view c) {
  const char32_t code_point = text::decode_at(c, 0).code_point;
  return text::Properties(code_point).is_white_space() || (code_point >= 0x1c && code_point <= 0x1f);
}

std::string strip(std::string_view text, const std::string_view* set, Sides sides) {
  std::vector<std::string_view> all = characters(text);
  std::vector<std::string_view> unwanted;
  if (set != nullptr) unwanted = characters(*set);
  const auto goes = [&](std::string_view c) {
    return set == nullptr ? is_white_space(c) : std::ranges::find(unwanted, c) != unwanted.end();
  };
  size_t begin = 0, end = all.size();
  if (sides != Sides::right)
    while (begin < end && goes(all[begin])) begin++;
  if (sides != Sides::left)
    while (end > begin && goes(all[end - 1])) end--;
  if (begin == end) return {};
  const char* first = all[begin].data();
  return {first, static_cast<size_t>(all[end - 1].data() + all[end - 1].size() - first)};
}

std::vector<std::string> split(std::string_view text, const std::string_view* separator, int64_t max_splits) {
  std::vector<std::string> parts;
  if (separator != nullptr) {
    if (separator->empty()) fail("empty separator");
    size_t begin = 0;
    for (; max_splits != 0; max_splits--) {
      const size_t end = text.find(*separator, begin);
      if (end == std::string_view::npos) break;
      parts.emplace_back(text.substr(begin, end - begin));
      begin = end + separator->size();
    }
    parts.emplace_back(text.substr(begin));
    return parts;
  }
  const auto all = characters(text);
  for (size_t i = 0; i < all.size();) {
    while (i < all.size() && is_white_space(all[i])) i++;
    if (i == all.size()) break;
    const char* begin = all[i].data();
    if (max_splits-- == 0) {
      parts.push_back(strip({begin, static_cast<size_t>(text.data() + text.size() - begin)}, nullptr, Sides::right));
      break;
    }
    size_t n = 0;
    while (i < all.size() && !is_white_space(all[i])) n += all[i++].size();
    parts.emplace_back(begin, n);
  }
  return parts;
}

std::vector<std::string> split_from_right(std::string_view text, const std::string_view* separator,
                                          int64_t max_splits) {
  if (max_splits < 0) return split(text, separator, -1);
  std::vector<std::string> parts;
  if (separator != nullptr) {
    if (separator->empty()) fail("empty separator");
    size_t end = text.size();
    for (; max_splits > 0; max_splits--) {
      if (end < separator->size()) break;
      const size_t begin = text.substr(0, end).rfind(*separator);
      if (begin == std::string_view::npos) break;
      parts.emplace_back(text.substr(begin + separator->size(), end - begin - separator->size()));
      end = begin;
    }
    parts.emplace_back(text.substr(0, end));
  } else {
    const auto all = characters(text);
    size_t i = all.size();
    for (;;) {
      while (i > 0 && is_white_space(all[i - 1])) i--;
      if (i == 0) break;
      const char* end = all[i - 1].data() + all[i - 1].size();
      if (max_splits-- == 0) {
        parts.push_back(strip({text.data(), static_cast<size_t>(end - text.data())}, nullptr, Sides::left));
        break;
      }
      while (i > 0 && !is_white_space(all[i - 1])) i--;
      const char* begin = i == 0 ? text.data() : all[i].data();
      parts.emplace_back(begin, static_cast<size_t>(end - begin));
    }
  }
  std::ranges::reverse(parts);
  return parts;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  static constexpr std::array<std::string_view, 10> kEnds{"\n",   "\v",   "\f",       "\r",           "\x1c",
                                                          "\x1d", "\x1e", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
  std::vector<std::string> lines;
  std::string line;
  const auto all = characters(text);
  for (size_t i = 0; i < all.size(); i++) {
    if (std::ranges::find(kEnds, all[i]) == kEnds.end()) {
      line += all[i];
      continue;
    }
    if (keep_ends) line += all[i];
    if (all[i] == "\r" && i + 1 < all.size() && all[i + 1] == "\n") {
      i++;
      if (keep_ends) line += '\n';
    }
    lines.push_back(std::move(line));
    line.clear();
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string to_upper(std::string_view text) {
  return text::to_upper(text);
}
std::string to_lower(std::string_view text) {
  return text::to_lower(text);
}

std::string to_capitalized(std::string_view text) {
  const auto all = characters(text);
  if (all.empty()) return {};
  return text::to_upper(all[0]) + text::to_lower(text.substr(all[0].size()));
}

std::string to_title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (const std::string_view c : characters(text)) {
    const bool letter = text::Properties(text::decode_at(c, 0).code_point).is_letter();
    out += !letter ? std::string(c) : in_word ? text::to_lower(c) : text::to_upper(c);
    in_word = letter;
  }
  return out;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t max_count) {
  std::string out;
  if (from.empty()) {
    const auto all = characters(text);
    for (size_t i = 0; i < all.size(); i++) {
      if (max_count != 0) {
        out += to;
        max_count--;
      }
      out += all[i];
    }
    if (max_count != 0) out += to;
    return out;
  }
  size_t begin = 0;
  for (; max_count != 0; max_count--) {
    const size_t end = text.find(from, begin);
    if (end == std::string_view::npos) break;
    out.append(text.substr(begin, end - begin)).append(to);
    begin = end + from.size();
  }
  return out.append(text.substr(begin));
}

}  // namespace quipu::chat_template
