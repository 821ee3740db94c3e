// How far a mistyped name is from a known one.
#pragma once

#include <cstddef>
#include <string_view>

namespace quipu::text {

// Levenshtein's distance in bytes, where a swap of neighbours counts as one too (optimal string alignment). Time is the
// product of the sizes: for names.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace quipu::text
