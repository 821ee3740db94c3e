// Hashing for the vocabulary's open-addressing tables.
#pragma once

#include <cstdint>
#include <cstring>

namespace quipu::tokenizer {

// A table whose input makes longer runs of occupied slots than this is refused: somebody chose keys that collide.
// Honest vocabularies (up to 262,144 tokens at half load) stay below 40.
inline constexpr size_t kMaxProbes = 1024;

// The product's halves folded together (the mixing step of multiply-fold hashes such as wyhash).
inline uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(const char* data, size_t size) {
  // Odd, with as many ones as zeros and no pattern (digits of pi and e).
  constexpr uint64_t kA = 0x243F6A8885A308D3, kB = 0xB7E151628AED2A6B;
  const auto load64 = [](const char* p) {
    uint64_t value = 0;
    std::memcpy(&value, p, sizeof value);
    return value;
  };
  const auto load32 = [](const char* p) {
    uint32_t value = 0;
    std::memcpy(&value, p, sizeof value);
    return static_cast<uint64_t>(value);
  };
  uint64_t state = kA ^ size;
  const char* p = data;
  size_t n = size;
  for (; n > 16; p += 16, n -= 16) state = mix(load64(p) ^ kB, load64(p + 8) ^ state);
  uint64_t a = 0, b = 0;
  if (n >= 8) {
    a = load64(p);
    b = load64(p + n - 8);
  } else if (n >= 4) {
    a = load32(p);
    b = load32(p + n - 4);
  } else if (n > 0) {
    a = static_cast<unsigned char>(p[0]) | static_cast<uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 |
        static_cast<uint64_t>(static_cast<unsigned char>(p[n - 1])) << 16;
  }
  return mix(mix(a ^ kB, b ^ state), kA);
}

}  // namespace quipu::tokenizer
