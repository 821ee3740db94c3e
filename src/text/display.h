// What a terminal shows as one thing, and how many cells it takes.
#pragma once

#include <cstddef>
#include <string_view>

namespace quipu::text {

// The size in bytes of the cluster that begins at `position` < text.size(): a character with the marks, joiners,
// emoji modifiers and second regional indicator that a terminal draws into the same place. A simplification of UAX #29
// (extended grapheme clusters) by width: what takes no cell of its own belongs to what stands before it. An ill-formed
// sequence is a cluster of its own.
size_t cluster_size(std::string_view text, size_t position);

// Terminal cells of a text without control sequences: wide characters take 2, marks and control characters 0, an emoji
// sequence and a flag 2, each ill-formed sequence 1 (it is shown as U+FFFD).
size_t display_width(std::string_view text);

}  // namespace quipu::text
