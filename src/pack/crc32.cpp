#include "pack/crc32.h"

#include <array>
#include <cstring>

namespace quipu::pack {
namespace {

constexpr uint32_t kPolynomial = 0xEDB88320;

// kTables[k][b]: the CRC register after byte b and k zero bytes. Eight tables (8 KiB) fit in L1 beside the data.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t r = b;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = r;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t b = 0; b < 256; ++b) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xFF];
  }
  return tables;
}
constexpr Tables kTables = make_tables();

uint32_t load_u32(const std::byte* p) {
  return std::to_integer<uint32_t>(p[0]) | std::to_integer<uint32_t>(p[1]) << 8 |
         std::to_integer<uint32_t>(p[2]) << 16 | std::to_integer<uint32_t>(p[3]) << 24;
}

// a(x) * b(x) modulo the polynomial, both reflected (x^0 is the highest bit).
constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

}  // namespace

uint32_t crc32(uint32_t crc, std::span<const std::byte> bytes) {
  uint32_t r = ~crc;
  const std::byte* p = bytes.data();
  size_t n = bytes.size();
  // Slicing by 8 (Kounavis and Berry, "A Systematic Approach to Building High Performance Software-Based CRC
  // Generators", 2005).
  for (; n >= 8; n -= 8, p += 8) {
    const uint32_t low = load_u32(p) ^ r;
    const uint32_t high = load_u32(p + 4);
    r = kTables[7][low & 0xFF] ^ kTables[6][(low >> 8) & 0xFF] ^ kTables[5][(low >> 16) & 0xFF] ^
        kTables[4][low >> 24] ^ kTables[3][high & 0xFF] ^ kTables[2][(high >> 8) & 0xFF] ^
        kTables[1][(high >> 16) & 0xFF] ^ kTables[0][high >> 24];
  }
  for (; n > 0; --n, ++p) r = (r >> 8) ^ kTables[0][(r ^ std::to_integer<uint32_t>(*p)) & 0xFF];
  return ~r;
}

uint32_t crc32_zeros(uint32_t crc, uint64_t n) {
  // n zero bytes multiply the register by x^(8n); x^(8n) is put together from the squares of x^8.
  uint32_t power = 0x80000000;   // x^0
  uint32_t square = 0x00800000;  // x^8
  for (; n != 0; n >>= 1) {
    if ((n & 1) != 0) power = multiply(power, square);
    square = multiply(square, square);
  }
  return ~multiply(~crc, power);
}

}  // namespace quipu::pack
