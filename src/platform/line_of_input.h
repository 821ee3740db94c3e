// Lines of standard input when it is no terminal.
#pragma once

#include <optional>
#include <string>

namespace quipu::platform {

// The next line without its end; nothing at the end of the input. Blocks.
std::optional<std::string> line_of_input();

}  // namespace quipu::platform
