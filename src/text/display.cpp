#include "text/display.h"

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace quipu::text {

namespace {

constexpr char32_t kZeroWidthJoiner = 0x200D;
constexpr char32_t kEmojiStyle = 0xFE0F;  // VARIATION SELECTOR-16

bool is_regional_indicator(char32_t c) {
  return c >= 0x1F1E6 && c <= 0x1F1FF;
}

bool is_emoji_modifier(char32_t c) {
  return c >= 0x1F3FB && c <= 0x1F3FF;
}

// Emoji that are drawn in one cell unless U+FE0F follows.
bool has_text_style(char32_t c) {
  const auto ranges = tables::kEmojiWithTextStyle;
  const auto it = std::lower_bound(ranges.begin(), ranges.end(), c,
                                   [](const tables::CodePointRange& range, char32_t v) { return range.last < v; });
  return it != ranges.end() && it->first <= c;
}

struct Cluster {
  size_t size;
  int width;
};

bool is_control(char32_t c) {
  const Category category = Properties(c).category();
  return category == Category::Cc || category == Category::Zl || category == Category::Zp;
}

Cluster cluster_at(std::string_view text, size_t position) {
  const Decoded first = decode_at(text, position);
  if (!first.valid) return {first.size, 1};
  const char32_t base = first.code_point;
  Cluster cluster{first.size, Properties(base).width()};
  if (is_control(base)) return cluster;
  const bool pictographic = base >= 0x80 && is_pictographic(base);
  bool joined = false;  // the last character was a joiner after an emoji
  bool flag_is_open = is_regional_indicator(base);
  while (position + cluster.size < text.size()) {
    const Decoded next = decode_at(text, position + cluster.size);
    const char32_t c = next.code_point;
    if (!next.valid || c == '\r' || c == '\n' || is_control(c)) break;
    const bool second_of_flag = flag_is_open && is_regional_indicator(c);
    const bool part_of_emoji = (joined && is_pictographic(c)) || (pictographic && is_emoji_modifier(c));
    if (!second_of_flag && !part_of_emoji && Properties(c).width() != 0) break;
    if (c == kEmojiStyle && has_text_style(base)) cluster.width = 2;
    flag_is_open = false;
    joined = pictographic && c == kZeroWidthJoiner;
    cluster.size += next.size;
  }
  return cluster;
}

}  // namespace

size_t cluster_size(std::string_view text, size_t position) {
  return cluster_at(text, position).size;
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool next_is_ascii = i + 1 >= text.size() || static_cast<unsigned char>(text[i + 1]) < 0x80;
    if (byte < 0x80 && next_is_ascii) {
      width += byte >= 0x20 && byte != 0x7F;
      ++i;
      continue;
    }
    const Cluster cluster = cluster_at(text, i);
    width += static_cast<size_t>(cluster.width);
    i += cluster.size;
  }
  return width;
}

}  // namespace quipu::text
