// Plain text set within a terminal's width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quipu::chat {

// Lines longer than `columns` are broken at blanks. What follows hangs under the line's second column: behind the last
// run of two or more blanks that stands in its first two thirds, else two cells behind its first letter. A word longer
// than the room that is left is left to the terminal to cut. Text must hold no control characters but line ends and
// tabs.
std::string wrapped(std::string_view text, size_t columns);

// The first line of the text, with "..." in place of what does not fit into so many cells.
std::string shortened(std::string_view text, size_t cells);

}  // namespace quipu::chat
