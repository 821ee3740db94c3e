#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "platform/sparse.h"

namespace quipu::platform {

std::vector<ByteRange> data_ranges(const std::filesystem::path& path, uint64_t size) {
  std::vector<ByteRange> everything = size == 0 ? std::vector<ByteRange>{} : std::vector{ByteRange{0, size}};
#ifdef SEEK_DATA
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return everything;
  std::vector<ByteRange> ranges;
  const auto end = static_cast<off_t>(size);
  off_t at = 0;
  bool known = true;
  while (known && at < end) {
    const off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0) {
      known = errno == ENXIO;  // only a hole is left
      break;
    }
    if (data >= end) break;
    off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole <= data || hole > end) hole = end;
    ranges.push_back({static_cast<uint64_t>(data), static_cast<uint64_t>(hole - data)});
    at = hole;
  }
  ::close(fd);
  return known ? ranges : everything;
#else
  static_cast<void>(path);
  return everything;
#endif
}

}  // namespace quipu::platform
