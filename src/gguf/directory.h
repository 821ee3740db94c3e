// The directory of one GGUF: everything before the tensors' data, checked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::gguf {

struct Entry {
  std::string_view key;
  uint64_t offset = 0;  // of the key in the GGUF
  Value value;
};

struct Directory {
  uint32_t version = 0;
  std::vector<Entry> entries;    // in the order of the file
  std::vector<uint32_t> by_key;  // indices into entries, sorted by key
  std::vector<Tensor> tensors;   // in the order of the file

  [[nodiscard]] const Entry* find(std::string_view key) const;
};

// Bounds on what a directory may hold, far above real models (which have some tens of keys and, at most, tens of
// thousands of tensors), so that a hostile file cannot make us allocate many times its own size.
inline constexpr uint64_t kMaxKeys = 1 << 16;
inline constexpr uint64_t kMaxTensors = 1 << 18;
inline constexpr uint64_t kMaxKeyBytes = 65535;  // the format's own limit
inline constexpr uint64_t kMaxTensorNameBytes = 1024;
inline constexpr int kMaxArrayDepth = 4;

// `bytes` is the whole GGUF and must outlive the result. Errors name the key or tensor and the byte offset.
Result<Directory> read_directory(std::span<const std::byte> bytes);

// Positions of names in a list, sorted by name (then by position). An attacker's choice of names cannot make it slow,
// as it could a hash table.
template <typename Item, typename NameOf>
std::vector<uint32_t> sorted_by_name(const std::vector<Item>& items, NameOf name_of) {
  std::vector<uint32_t> order(items.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const std::string_view left = name_of(items[a]);
    const std::string_view right = name_of(items[b]);
    return left != right ? left < right : a < b;
  });
  return order;
}

}  // namespace quipu::gguf
