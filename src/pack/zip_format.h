// The records of a zip file byte by byte (PKWARE APPNOTE 6.3.10, section numbers beside them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace quipu::pack::format {

constexpr uint32_t kLocalSignature = 0x04034b50;    // 4.3.7
constexpr uint32_t kCentralSignature = 0x02014b50;  // 4.3.12
constexpr uint32_t kEnd64Signature = 0x06064b50;    // 4.3.14
constexpr uint32_t kLocatorSignature = 0x07064b50;  // 4.3.15
constexpr uint32_t kEndSignature = 0x06054b50;      // 4.3.16
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEnd64Size = 56, kLocatorSize = 20, kEndSize = 22;
constexpr size_t kMaxComment = 65535;
constexpr uint16_t kExtraZip64 = 0x0001;  // 4.5.3
// "Android alignment": two bytes of alignment, then zeros; what zipalign writes and readers skip.
constexpr uint16_t kExtraAlignment = 0xd935;
constexpr uint16_t kFlagEncrypted = 1, kFlagDescriptor = 1 << 3, kFlagUtf8 = 1 << 11;  // 4.4.4
constexpr uint16_t kSaturated16 = 0xFFFF;  // the value stands in the zip64 record instead
constexpr uint32_t kSaturated32 = 0xFFFFFFFF;

// A little-endian number of n bytes. The caller has checked that they are there.
inline uint64_t load(std::span<const std::byte> bytes, uint64_t offset, size_t n) {
  uint64_t value = 0;
  for (size_t i = n; i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[static_cast<size_t>(offset) + i]);
  return value;
}
inline uint16_t u16(std::span<const std::byte> bytes, uint64_t offset) {
  return static_cast<uint16_t>(load(bytes, offset, 2));
}
inline uint32_t u32(std::span<const std::byte> bytes, uint64_t offset) {
  return static_cast<uint32_t>(load(bytes, offset, 4));
}
inline uint64_t u64(std::span<const std::byte> bytes, uint64_t offset) {
  return load(bytes, offset, 8);
}

inline std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Puts records together.
class RecordBuilder {
 public:
  RecordBuilder& u16(uint64_t value) { return put(value, 2); }
  RecordBuilder& u32(uint64_t value) { return put(value, 4); }
  RecordBuilder& u64(uint64_t value) { return put(value, 8); }
  RecordBuilder& text(std::string_view value) { return bytes_.append(value), *this; }
  RecordBuilder& zeros(size_t n) { return bytes_.append(n, '\0'), *this; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }
  [[nodiscard]] size_t size() const { return bytes_.size(); }

 private:
  RecordBuilder& put(uint64_t value, int n) {
    for (int i = 0; i < n; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
    return *this;
  }
  std::string bytes_;
};

}  // namespace quipu::pack::format
