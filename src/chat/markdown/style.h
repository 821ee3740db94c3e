// How a piece of text looks on the terminal.
#pragma once

#include <cstdint>
#include <string>

namespace quipu::chat {

// Of the sixteen colours that every terminal has, those that can be read on dark and on light ground.
enum class Color : uint8_t {
  none = 0,
  red = 31,
  green = 32,
  yellow = 33,
  blue = 34,
  magenta = 35,
  cyan = 36,
  grey = 90
};

struct Style {
  Color color = Color::none;
  bool bold = false, italic = false, underline = false, strike = false;

  bool operator==(const Style&) const = default;
};

// The sequence that changes the terminal from one style to another; empty if they are equal.
std::string style_change(const Style& from, const Style& to);

}  // namespace quipu::chat
