#include <sys/types.h>
// After sys/types.h, which they need.
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <unistd.h>
#include <uvm/uvm_extern.h>

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
  const std::array<int, 4> name{CTL_KERN, KERN_PROC_ARGS, -1, KERN_PROC_PATHNAME};
  std::array<char, PATH_MAX> path{};
  size_t size = path.size();
  if (sysctl(name.data(), name.size(), path.data(), &size, nullptr, 0) != 0) {
    return error_of(ErrorKind::io, "cannot find the program's own file: {}", strerror(errno));
  }
  return std::filesystem::path(path.data());
}

Memory memory() {
  Memory memory;
  memory.total_bytes = memory.available_bytes = sysctl_number("hw.physmem64").value_or(0);
  const std::array<int, 2> name{CTL_VM, VM_UVMEXP2};
  uvmexp_sysctl pages{};
  size_t size = sizeof pages;
  if (sysctl(name.data(), name.size(), &pages, &size, nullptr, 0) == 0) {
    const auto reclaimable = static_cast<uint64_t>(pages.free + pages.inactive + pages.filepages);
    memory.available_bytes = std::min(memory.total_bytes, reclaimable * static_cast<uint64_t>(pages.pagesize));
  }
  return memory;
}

uint64_t peak_resident_bytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;  // kilobytes
}

int n_physical_cores() {
  // NetBSD tells of no topology: hyper-threads count.
  return std::max(1, static_cast<int>(sysctl_number("hw.ncpuonline").value_or(1)));
}

std::string cpu_name() {
  std::string name = sysctl_text("machdep.cpu_brand");
  if (name.empty()) name = sysctl_text("hw.model");
  return name.empty() ? "unknown CPU" : name;
}

bool grants_avx512_lazily() {
  return false;
}

uint64_t copy_range(int, uint64_t, int, uint64_t) {
  return 0;
}

}  // namespace quipu::platform
