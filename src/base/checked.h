// Arithmetic on sizes that came from outside: nothing instead of a wrapped number.
#pragma once

#include <cstdint>
#include <optional>

namespace quipu {

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
}

inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}

// The next multiple of `alignment` (a power of two) that is not below `n`.
inline std::optional<uint64_t> checked_align_up(uint64_t n, uint64_t alignment) {
  auto sum = checked_add(n, alignment - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(alignment - 1);
}

}  // namespace quipu
