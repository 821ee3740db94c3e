#include "chat/markdown/table.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "chat/markdown/inline_parser.h"
#include "text/display.h"

namespace quipu::chat {
namespace {

enum class Align : uint8_t { left, center, right };

struct Cluster {
  std::string text;
  Style style;
  size_t width = 0;
};
using Cell = std::vector<Cluster>;

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == text.npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

// The texts between the bars; an escaped bar, or one in a code span, is part of a cell.
std::vector<std::string> cells_of(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  std::vector<std::string> cells(1);
  bool in_code = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cells.back() += line[++i];
    } else if (line[i] == '|' && !in_code) {
      if (i + 1 < line.size()) cells.emplace_back();
    } else {
      if (line[i] == '`') in_code = !in_code;
      cells.back() += line[i];
    }
  }
  for (std::string& cell : cells) cell = std::string(trimmed(cell));
  return cells;
}

bool is_rule(const std::vector<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
    return cell.find('-') != cell.npos && cell.find_first_not_of(":-") == cell.npos;
  });
}

Align alignment_of(const std::string& cell) {
  const bool left = cell.starts_with(':'), right = cell.ends_with(':');
  return right ? (left ? Align::center : Align::right) : Align::left;
}

Cell styled(const std::string& text, bool heading) {
  Cell cell;
  parse_inline(text, Style{.bold = heading}, [&](std::string_view piece, const Style& style) {
    for (size_t at = 0; at < piece.size();) {
      const size_t n = text::cluster_size(piece, at);
      cell.push_back({std::string(piece.substr(at, n)), style, text::display_width(piece.substr(at, n))});
      at += n;
    }
  });
  return cell;
}

size_t width_of(const Cell& cell) {
  return std::accumulate(cell.begin(), cell.end(), size_t{0},
                         [](size_t sum, const Cluster& c) { return sum + c.width; });
}

// Cuts a cell into lines of at most `width`, at blanks where there are some.
std::vector<Cell> wrapped(const Cell& cell, size_t width) {
  std::vector<Cell> lines(1);
  size_t used = 0;
  constexpr size_t kNone = SIZE_MAX;
  size_t blank = kNone;  // where the line could be cut
  for (const Cluster& cluster : cell) {
    if (used + cluster.width > width && !lines.back().empty()) {
      Cell rest;
      if (blank != kNone && cluster.text != " ") {
        rest.assign(lines.back().begin() + static_cast<std::ptrdiff_t>(blank) + 1, lines.back().end());
        lines.back().resize(blank);
      }
      lines.push_back(std::move(rest));
      used = width_of(lines.back());
      blank = kNone;
      if (cluster.text == " ") continue;
    }
    if (cluster.text == " ") blank = lines.back().size();
    lines.back().push_back(cluster);
    used += cluster.width;
  }
  return lines;
}

std::string printed(const Cell& line, size_t width, Align align) {
  const size_t room = width - std::min(width, width_of(line));
  const size_t before = align == Align::right ? room : align == Align::center ? room / 2 : 0;
  std::string out(before, ' ');
  Style style;
  for (const Cluster& cluster : line) {
    out += style_change(style, cluster.style) + cluster.text;
    style = cluster.style;
  }
  return out + style_change(style, {}) + std::string(room - before, ' ');
}

// Narrows the widest columns until the table fits.
std::vector<size_t> fit(std::vector<size_t> widths, size_t columns) {
  constexpr size_t kLeast = 3;
  const size_t frame = 3 * widths.size() + 1;
  if (columns == 0) return widths;
  size_t total = std::accumulate(widths.begin(), widths.end(), frame);
  while (total > columns) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kLeast) break;
    --*widest;
    --total;
  }
  return widths;
}

std::string rule(const std::vector<size_t>& widths, std::string_view left, std::string_view middle,
                 std::string_view right) {
  std::string out = style_change({}, {.color = Color::grey}) + std::string(left);
  for (size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) out += middle;
    for (size_t n = 0; n < widths[i] + 2; ++n) out += "─";
  }
  return out + std::string(right) + style_change({.color = Color::grey}, {}) + "\r\n";
}

}  // namespace

void Table::add(std::string_view line) {
  lines_.emplace_back(line);
}

std::string Table::draw(size_t columns) const {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : lines_) rows.push_back(cells_of(line));
  if (rows.size() < 2 || !is_rule(rows[1]) || rows[0].size() != rows[1].size()) {
    std::string out;
    for (const std::string& line : lines_) out += line + "\r\n";
    return out;
  }
  const size_t n_columns = rows[0].size();
  std::vector<Align> align;
  for (const std::string& cell : rows[1]) align.push_back(alignment_of(cell));
  rows.erase(rows.begin() + 1);

  std::vector<std::vector<Cell>> cells;
  std::vector<size_t> widths(n_columns, 1);
  for (size_t r = 0; r < rows.size(); ++r) {
    rows[r].resize(n_columns);
    cells.emplace_back();
    for (size_t c = 0; c < n_columns; ++c) {
      cells[r].push_back(styled(rows[r][c], r == 0));
      widths[c] = std::max(widths[c], width_of(cells[r][c]));
    }
  }
  widths = fit(widths, columns);

  const std::string bar = style_change({}, {.color = Color::grey}) + "│" + style_change({.color = Color::grey}, {});
  std::string out = rule(widths, "┌", "┬", "┐");
  for (size_t r = 0; r < cells.size(); ++r) {
    std::vector<std::vector<Cell>> lines;
    size_t height = 1;
    for (size_t c = 0; c < n_columns; ++c) {
      lines.push_back(wrapped(cells[r][c], widths[c]));
      height = std::max(height, lines.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      out += bar;
      for (size_t c = 0; c < n_columns; ++c) {
        out += ' ' + printed(line < lines[c].size() ? lines[c][line] : Cell(), widths[c], align[c]) + ' ' + bar;
      }
      out += "\r\n";
    }
    if (r == 0) out += rule(widths, "├", "┼", "┤");
  }
  return out + rule(widths, "└", "┴", "┘");
}

}  // namespace quipu::chat
