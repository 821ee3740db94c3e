#include <sys/types.h>
// After sys/types.h, which they need.
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>

#include "platform/copy_range.h"
#include "platform/cpu_permissions.h"
#include "platform/platform.h"
#include "platform/start.h"
#include "platform/sysctl_bsd.h"

namespace quipu::platform {

Result<std::filesystem::path> program_path() {
  const std::array<int, 4> name{CTL_KERN, KERN_PROC, KERN_PROC_PATHNAME, -1};
  std::array<char, PATH_MAX> path{};
  size_t size = path.size();
  if (sysctl(name.data(), name.size(), path.data(), &size, nullptr, 0) != 0) {
    return error_of(ErrorKind::io, "cannot find the program's own file: {}", strerror(errno));
  }
  return std::filesystem::path(path.data());
}

Memory memory() {
  Memory memory;
  memory.total_bytes = sysctl_number("hw.physmem").value_or(0);
  uint64_t pages = 0;
  for (const char* name : {"vm.stats.vm.v_free_count", "vm.stats.vm.v_inactive_count", "vm.stats.vm.v_cache_count"}) {
    pages += sysctl_number(name).value_or(0);
  }
  memory.available_bytes = std::min(memory.total_bytes, pages * static_cast<uint64_t>(getpagesize()));
  return memory;
}

uint64_t peak_resident_bytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;  // kilobytes
}

int n_physical_cores() {
  const auto cores = sysctl_number("kern.smp.cores");
  return std::max(1, static_cast<int>(cores ? *cores : sysctl_number("hw.ncpu").value_or(1)));
}

std::string cpu_name() {
  const std::string name = sysctl_text("hw.model");
  return name.empty() ? "unknown CPU" : name;
}

bool grants_avx512_lazily() {
  return false;
}

uint64_t copy_range(int from, uint64_t offset, int to, uint64_t size) {
  auto at = static_cast<off_t>(offset);
  constexpr uint64_t kMost = 1U << 30;  // a call can be interrupted by a signal only between such pieces
  const ssize_t n = copy_file_range(from, &at, to, nullptr, static_cast<size_t>(std::min(size, kMost)), 0);
  return n > 0 ? static_cast<uint64_t>(n) : 0;
}

}  // namespace quipu::platform
