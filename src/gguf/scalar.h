// Numbers of one type from values of another, if they fit.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "gguf/gguf.h"

namespace quipu::gguf {

namespace detail {

template <typename To, typename From>
std::optional<To> converted(From value) {
  if constexpr (std::integral<From> && std::integral<To>) {
    if (!std::in_range<To>(value)) return std::nullopt;
    return static_cast<To>(value);
  } else if constexpr (std::floating_point<To>) {
    if constexpr (std::floating_point<From>) {
      if (std::isfinite(value) && std::fabs(value) > static_cast<From>(std::numeric_limits<To>::max())) {
        return std::nullopt;
      }
    }
    return static_cast<To>(value);
  } else {
    return std::nullopt;  // a float for an integer
  }
}

template <typename To, typename From>
std::optional<To> loaded(const std::byte* bytes) {
  From value;
  std::memcpy(&value, bytes, sizeof value);
  return converted<To>(value);
}

}  // namespace detail

// A number of `type` at `bytes` (which holds it whole) as a T, or nothing if it does not fit or is no number. T is an
// integer type, float, double, or bool, which only booleans fit.
template <typename T>
std::optional<T> scalar_at(ValueType type, const std::byte* bytes) {
  if constexpr (std::same_as<T, bool>) {
    if (type != ValueType::boolean || *bytes > std::byte{1}) return std::nullopt;
    return *bytes == std::byte{1};
  } else {
    switch (type) {
      case ValueType::u8:
        return detail::loaded<T, uint8_t>(bytes);
      case ValueType::i8:
        return detail::loaded<T, int8_t>(bytes);
      case ValueType::u16:
        return detail::loaded<T, uint16_t>(bytes);
      case ValueType::i16:
        return detail::loaded<T, int16_t>(bytes);
      case ValueType::u32:
        return detail::loaded<T, uint32_t>(bytes);
      case ValueType::i32:
        return detail::loaded<T, int32_t>(bytes);
      case ValueType::u64:
        return detail::loaded<T, uint64_t>(bytes);
      case ValueType::i64:
        return detail::loaded<T, int64_t>(bytes);
      case ValueType::f32:
        return detail::loaded<T, float>(bytes);
      case ValueType::f64:
        return detail::loaded<T, double>(bytes);
      case ValueType::boolean:
      case ValueType::string:
      case ValueType::array:
        break;
    }
    return std::nullopt;
  }
}

}  // namespace quipu::gguf
