// Memory for what lives during one forward pass: taken from the end, given back in reverse order.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/aligned_bytes.h"
#include "base/check.h"

namespace quipu::backend::cpu {

// Blocks grow as they are needed and are kept for the next pass. One thread.
class Arena {
 public:
  // `bytes` of uninitialised memory, aligned to a cache line (64 bytes, which is also a full vector register).
  std::byte* take(size_t bytes) {
    bytes = (bytes + kAlignment - 1) & ~(kAlignment - 1);
    while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) next_block();
    if (block_ == blocks_.size()) add_block(bytes);
    std::byte* result = blocks_[block_].data.get() + used_;
    used_ += bytes;
    return result;
  }

  // A position to come back to.
  [[nodiscard]] size_t mark() const { return (block_ << kOffsetBits) | (used_ / kAlignment); }
  void release(size_t mark) {
    block_ = mark >> kOffsetBits;
    used_ = (mark & ((size_t{1} << kOffsetBits) - 1)) * kAlignment;
  }

 private:
  static constexpr size_t kAlignment = static_cast<size_t>(kCacheLine);
  static constexpr int kOffsetBits = 48;
  static constexpr size_t kBlockBytes = 1u << 20;  // what a small model's single token needs

  struct Block {
    AlignedBytes data;
    size_t size = 0;
  };

  void next_block() {
    block_++;
    used_ = 0;
  }

  void add_block(size_t bytes) {
    const size_t size = bytes > kBlockBytes ? bytes : kBlockBytes;
    AlignedBytes data = aligned_bytes(size);
    QUIPU_CHECK(data != nullptr);  // the engine has asked the system for room before
    blocks_.push_back({std::move(data), size});
    used_ = 0;
  }

  std::vector<Block> blocks_;
  size_t block_ = 0, used_ = 0;
};

}  // namespace quipu::backend::cpu
