// Reads little-endian numbers and strings from a GGUF, never beyond its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "gguf/gguf.h"

namespace quipu::gguf {

// Bytes of one value; 0 for strings and arrays, whose values tell their own length, and for unknown types.
constexpr uint64_t fixed_size(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
    case ValueType::string:
    case ValueType::array:
      break;
  }
  return 0;
}

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] uint64_t position() const { return at_; }
  [[nodiscard]] uint64_t remaining() const { return bytes_.size() - at_; }

  // The following bytes, or nothing, and then nothing is consumed.
  std::optional<std::span<const std::byte>> take(uint64_t n) {
    if (n > remaining()) return std::nullopt;
    const auto taken = bytes_.subspan(at_, n);
    at_ += n;
    return taken;
  }

  template <typename T>
  std::optional<T> number() {
    const auto taken = take(sizeof(T));
    if (!taken) return std::nullopt;
    T value;
    std::memcpy(&value, taken->data(), sizeof(T));
    return value;
  }

  // A length of 64 bits and as many bytes.
  std::optional<std::string_view> string() {
    const uint64_t start = at_;
    const auto length = number<uint64_t>();
    const auto taken = length ? take(*length) : std::nullopt;
    if (!taken) {
      at_ = start;
      return std::nullopt;
    }
    return std::string_view(reinterpret_cast<const char*>(taken->data()), taken->size());
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
};

}  // namespace quipu::gguf
