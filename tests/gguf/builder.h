// Puts GGUF files together byte by byte, wrong ones too, without the code under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf.h"

namespace quipu::gguf::test {

class Builder {
 public:
  template <typename T>
  Builder& number(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    return *this;
  }
  Builder& u32(uint32_t value) { return number(value); }
  Builder& u64(uint64_t value) { return number(value); }
  Builder& text(std::string_view text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Builder& string(std::string_view value) { return u64(value.size()).text(value); }

  Builder& header(uint64_t n_tensors, uint64_t n_keys, uint32_t version = 3) {
    return text("GGUF").u32(version).u64(n_tensors).u64(n_keys);
  }
  Builder& key(std::string_view name, uint32_t type) { return string(name).u32(type); }
  Builder& key(std::string_view name, ValueType type) { return key(name, static_cast<uint32_t>(type)); }
  Builder& array(ValueType element, uint64_t count) { return u32(static_cast<uint32_t>(element)).u64(count); }
  // A directory entry.
  Builder& tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    string(name).u32(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) u64(dim);
    return u32(type).u64(offset);
  }
  Builder& pad(size_t alignment) {
    while (bytes_.size() % alignment != 0) bytes_.push_back(std::byte{0});
    return *this;
  }
  Builder& zeros(size_t n) {
    bytes_.resize(bytes_.size() + n);
    return *this;
  }

  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  // As a File whose bytes the builder keeps.
  [[nodiscard]] Result<File> open() const { return File::open({Source{nullptr, bytes_, "x.gguf"}}); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace quipu::gguf::test
