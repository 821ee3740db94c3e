// CRC-32 as zip files use it (ISO-HDLC: reflected polynomial 0xEDB88320, initial and final value inverted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quipu::pack {

// The CRC of everything that gave `crc` followed by `bytes`; start with 0.
uint32_t crc32(uint32_t crc, std::span<const std::byte> bytes);

// The CRC of everything that gave `crc` followed by `n` zero bytes, in O(log n): for the holes of sparse files.
uint32_t crc32_zeros(uint32_t crc, uint64_t n);

}  // namespace quipu::pack
