// Any bytes are decoded as DEFLATE data.
#include "base/check.h"
#include "pack/inflate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint64_t expected = (data[0] | data[1] << 8) * 4U;
  uint64_t n = 0;
  const std::span bytes(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  const auto status = quipu::pack::inflate(bytes, expected, [&](std::span<const std::byte> piece) -> quipu::Status {
    n += piece.size();
    return {};
  });
  QUIPU_CHECK(n <= expected && (!status.ok() || n == expected));
  return 0;
}
