#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "platform/copy_range.h"
#include "platform/cpu_permissions.h"
#include "platform/platform.h"
#include "platform/start.h"
#include "platform/sysctl_bsd.h"

namespace quipu::platform {

Result<std::filesystem::path> program_path() {
  uint32_t size = 0;
  _NSGetExecutablePath(nullptr, &size);
  std::string path(size, '\0');
  if (_NSGetExecutablePath(path.data(), &size) != 0) {
    return error_of(ErrorKind::io, "cannot find the program's own file");
  }
  return std::filesystem::path(path.c_str());
}

Memory memory() {
  Memory memory;
  memory.total_bytes = memory.available_bytes = sysctl_number("hw.memsize").value_or(0);
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t n = HOST_VM_INFO64_COUNT;
  auto* words = reinterpret_cast<host_info64_t>(&pages);
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, words, &n) == KERN_SUCCESS) {
    const uint64_t reclaimable = uint64_t{pages.free_count} + pages.inactive_count + pages.purgeable_count;
    memory.available_bytes = std::min(memory.total_bytes, reclaimable * static_cast<uint64_t>(getpagesize()));
  }
  return memory;
}

uint64_t peak_resident_bytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss);  // bytes, unlike on other systems
}

int n_physical_cores() {
  // Performance cores alone where there are two kinds: the slow ones would make the fast ones wait.
  const auto fast = sysctl_number("hw.perflevel0.physicalcpu");
  return std::max(1, static_cast<int>(fast ? *fast : sysctl_number("hw.physicalcpu").value_or(1)));
}

std::string cpu_name() {
  const std::string name = sysctl_text("machdep.cpu.brand_string");
  return name.empty() ? "unknown CPU" : name;
}

bool grants_avx512_lazily() {
  return sysctl_number("hw.optional.avx512f").value_or(0) != 0;
}

uint64_t copy_range(int, uint64_t, int, uint64_t) {
  return 0;  // macOS clones whole files only
}

}  // namespace quipu::platform
