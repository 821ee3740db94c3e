// Text on a terminal or from one, without taking it over (terminal.h does that).
#pragma once

#include <optional>
#include <string>

namespace quipu::platform {

// False for standard output on a terminal that shows escape sequences as text, and where there is no terminal.
bool understands_escapes();
// A line from standard input without its end, or nothing at the end of input.
std::optional<std::string> read_line();

}  // namespace quipu::platform
