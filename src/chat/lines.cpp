#include "chat/lines.h"

#include <algorithm>

#include "text/display.h"

namespace quipu::chat {
namespace {

// Cells before what a broken line goes on under.
size_t hanging_indent(std::string_view line, size_t columns) {
  const size_t first = std::min(line.find_first_not_of(' '), line.size());
  size_t indent = first == 0 ? 0 : first + 2;
  for (size_t at = line.find("  ", first); at != line.npos; at = line.find("  ", at)) {
    at = std::min(line.find_first_not_of(' ', at), line.size());
    const size_t cells = text::display_width(line.substr(0, at));
    if (at == line.size() || 3 * cells > 2 * columns) break;
    indent = cells;
  }
  return indent;
}

void put_line(std::string& out, std::string_view line, size_t columns) {
  if (text::display_width(line) <= columns) {
    out += line;
    return;
  }
  const size_t indent = hanging_indent(line, columns);
  const std::string margin = "\n" + std::string(indent, ' ');
  size_t used = 0;
  bool begun = false;  // the row has a word
  for (size_t at = 0; at < line.size();) {
    const size_t word = std::min(line.find_first_not_of(' ', at), line.size());
    const size_t end = std::min(line.find(' ', word), line.size());
    const size_t cells = text::display_width(line.substr(word, end - word));
    const size_t blanks = word - at;
    if (begun && cells > 0 && used + blanks + cells > columns) {
      out += margin;
      used = indent;
    } else {
      out.append(blanks, ' ');
      used += blanks;
    }
    out += line.substr(word, end - word);
    used += cells;
    begun = begun || cells > 0;
    at = end;
  }
}

}  // namespace

std::string wrapped(std::string_view text, size_t columns) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    put_line(out, text.substr(at, end - at), columns);
    if (end < text.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

std::string shortened(std::string_view text, size_t cells) {
  constexpr std::string_view kRest = "...";
  text = text.substr(0, text.find('\n'));
  if (text::display_width(text) <= cells) return std::string(text);
  size_t at = 0;
  for (size_t width = 0; at < text.size();) {
    const size_t n = text::cluster_size(text, at);
    width += text::display_width(text.substr(at, n));
    if (width + kRest.size() > cells) break;
    at += n;
  }
  return std::string(text.substr(0, at)) + std::string(kRest);
}

}  // namespace quipu::chat
