// As much of a terminal as the drawing of answers needs, to see what a reader would: text by rows, and its styles.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "text/display.h"

namespace quipu::chat {

class TinyScreen {
 public:
  explicit TinyScreen(size_t columns) : columns_(columns) {}

  void write(std::string_view out) {
    for (size_t at = 0; at < out.size();) {
      if (out[at] == '\x1b') {
        const size_t end = out.find_first_of("mCKD", at);
        if (end == out.npos) {
          ADD_FAILURE() << "unknown sequence";
          return;
        }
        sequence(out.substr(at + 2, end - at - 2), out[end]);
        at = end + 1;
      } else if (out[at] == '\r') {
        x_ = 0, ++at;
      } else if (out[at] == '\n') {
        next_row(), ++at;
      } else {
        const size_t n = text::cluster_size(out, at);
        put(out.substr(at, n));
        at += n;
      }
    }
  }
  // Rows without blanks at their ends; with `styles`, changes of style are shown as {codes}.
  std::vector<std::string> rows(bool styles = false) const {
    std::vector<std::string> result;
    for (const auto& row : cells_) {
      std::string line, style;
      for (const Cell& cell : row) {
        if (styles && cell.style != style) line += "{" + (style = cell.style) + "}";
        line += cell.text;
      }
      while (!line.empty() && line.back() == ' ') line.pop_back();
      result.push_back(line);
    }
    while (!result.empty() && result.back().empty()) result.pop_back();
    return result;
  }

 private:
  struct Cell {
    std::string text = " ", style;
  };
  void next_row() {
    if (++y_ == cells_.size()) cells_.emplace_back();
  }
  void put(std::string_view cluster) {
    const size_t width = text::display_width(cluster);
    if (width == 0) {  // a mark goes with what stands before it
      for (size_t i = std::min(x_, cells_[y_].size()); i-- > 0;) {
        if (cells_[y_][i].text.empty()) continue;
        cells_[y_][i].text += cluster;
        return;
      }
      return;
    }
    if (x_ + width > columns_) x_ = 0, next_row();
    auto& row = cells_[y_];
    if (row.size() < x_ + width) row.resize(x_ + width);
    row[x_] = {std::string(cluster), style_};
    for (size_t i = 1; i < width; ++i) row[x_ + i] = {"", style_};
    x_ += width;
  }
  void sequence(std::string_view parameters, char final) {
    if (final == 'K') cells_[y_].resize(std::min(x_, cells_[y_].size()));
    if (final == 'C') x_ = std::min(x_ + std::stoul(std::string(parameters)), columns_ - 1);
    if (final == 'm') apply(parameters);
  }
  // The codes that hold, in a fixed order.
  void apply(std::string_view parameters) {
    for (size_t at = 0; at <= parameters.size();) {
      const size_t end = std::min(parameters.find(';', at), parameters.size());
      const int code = std::stoi("0" + std::string(parameters.substr(at, end - at)));
      if (code == 0) bold_ = italic_ = underline_ = strike_ = false, color_ = 39;
      if (code == 1 || code == 22) bold_ = code == 1;
      if (code == 3 || code == 23) italic_ = code == 3;
      if (code == 4 || code == 24) underline_ = code == 4;
      if (code == 9 || code == 29) strike_ = code == 9;
      if (code >= 30) color_ = code;
      at = end + 1;
    }
    style_.clear();
    if (bold_) style_ += "b";
    if (italic_) style_ += "i";
    if (underline_) style_ += "u";
    if (strike_) style_ += "s";
    if (color_ != 39) style_ += std::to_string(color_);
  }

  size_t columns_, x_ = 0, y_ = 0;
  std::vector<std::vector<Cell>> cells_ = std::vector<std::vector<Cell>>(1);
  std::string style_;
  bool bold_ = false, italic_ = false, underline_ = false, strike_ = false;
  int color_ = 39;
};

}  // namespace quipu::chat
