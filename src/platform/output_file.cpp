// What moving a file that is being written means on every system; the rest is in posix.cpp and files_windows.cpp.
#include <utility>

#include "platform/platform.h"

namespace quipu::platform {

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)),
      position_(other.position_) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  std::swap(position_, other.position_);
  return *this;
}

}  // namespace quipu::platform
