// Memory that begins at a cache line, which is also a full vector register.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace quipu {

constexpr std::align_val_t kCacheLine{64};

struct FreeAligned {
  void operator()(std::byte* bytes) const { ::operator delete(bytes, kCacheLine); }
};
using AlignedBytes = std::unique_ptr<std::byte, FreeAligned>;

// Uninitialised; null if there is not so much memory. (std::aligned_alloc does not exist on Windows.)
inline AlignedBytes aligned_bytes(size_t size) {
  return AlignedBytes(static_cast<std::byte*>(::operator new(size, kCacheLine, std::nothrow)));
}

}  // namespace quipu
