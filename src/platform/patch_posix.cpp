#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "platform/patch.h"

namespace quipu::platform {

Status overwrite_beginning(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  QUIPU_CHECK(bytes.size() <= 512);
  const auto error = [&](int code) {
    return error_of(code == ENOENT ? ErrorKind::not_found : ErrorKind::io, "{}: cannot write: {}", path.string(),
                    strerror(code));
  };
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return error(errno);
  const bool written =
      pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) && fsync(fd) == 0;
  const int code = errno;
  if (close(fd) != 0 || !written) return error(code);
  return {};
}

}  // namespace quipu::platform
