// Python's string methods on UTF-8, for methods and filters alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quipu::chat_template {

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
// First character upper, the rest lower.
std::string to_capitalized(std::string_view text);
// Python's str.title().
std::string to_title(std::string_view text);
// Without the characters of `set` (white space if null) at the sides.
enum class Sides { both, left, right };
std::string strip(std::string_view text, const std::string_view* set, Sides sides);
// At white space, or at `separator` if not null; at most max_splits times (below 0: always).
std::vector<std::string> split(std::string_view text, const std::string_view* separator, int64_t max_splits);
std::vector<std::string> split_from_right(std::string_view text, const std::string_view* separator, int64_t max_splits);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);
// At most `max_count` times (below 0: always).
std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t max_count);
bool is_white_space(std::string_view character);

}  // namespace quipu::chat_template
