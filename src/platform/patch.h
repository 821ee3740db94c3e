// Changing a few bytes of a file in place.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace quipu::platform {

// Overwrites the beginning of a file by one write that does not cross a sector (at most 512 bytes), and waits until the
// disk has it: whoever looks, whenever, sees the old bytes or the new. Errors: not_found, io.
Status overwrite_beginning(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace quipu::platform
