// Licences of what is in the program. The texts are put together by room.cmake from the files that they come in.
#pragma once

#include <span>
#include <string_view>

namespace quipu::cli {

struct License {
  std::string_view name, text;
};
std::span<const License> licenses();

}  // namespace quipu::cli
