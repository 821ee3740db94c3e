// Which parts of a file hold data and which are holes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace quipu::platform {

struct ByteRange {
  uint64_t offset = 0, size = 0;
};

// The ranges of the file's first `size` bytes that are not holes, in order; the rest reads as zeros. Where the system
// or the file system can't tell, one range of everything.
std::vector<ByteRange> data_ranges(const std::filesystem::path& path, uint64_t size);

}  // namespace quipu::platform
