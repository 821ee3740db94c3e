// Any bytes are read as a zip file: what is accepted must hold the promises of pack/zip.h.
#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "pack/crc32.h"
#include "pack/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu::pack;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto directory = read_zip_directory(bytes);
  if (!directory.ok() || !*directory) return 0;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const Entry& entry : (*directory)->entries) {
    QUIPU_CHECK(!bad_entry_name(entry.name));
    QUIPU_CHECK(entry.header_offset >= (*directory)->begin && entry.data_offset > entry.header_offset);
    QUIPU_CHECK(entry.data_offset <= size && entry.compressed_size <= size - entry.data_offset);
    ranges.emplace_back(entry.header_offset, entry.data_offset + entry.compressed_size);
    if (entry.encrypted || entry.method != Entry::kDeflated || entry.size > (1 << 20)) continue;
    uint64_t n = 0;
    const auto status = inflate(bytes.subspan(entry.data_offset, entry.compressed_size), entry.size,
                                [&](std::span<const std::byte> piece) -> quipu::Status {
                                  n += piece.size();
                                  crc32(0, piece);
                                  return {};
                                });
    QUIPU_CHECK(!status.ok() || n == entry.size);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) QUIPU_CHECK(ranges[i - 1].second <= ranges[i].first);
  return 0;
}
