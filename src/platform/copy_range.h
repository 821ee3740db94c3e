// Inside platform: copies between files that share blocks where the file system can.
#pragma once

#include <cstdint>

namespace quipu::platform {

// Copies at most `size` bytes from `offset` of one file to the position of another, which moves on. Returns how many;
// 0 where the system or these files have no such call, and on errors: the caller then copies by itself.
uint64_t copy_range(int from, uint64_t offset, int to, uint64_t size);

}  // namespace quipu::platform
