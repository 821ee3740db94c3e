#include <sys/types.h>
// After sys/types.h, which they need.
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <unistd.h>
#include <uvm/uvmexp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "platform/copy_range.h"
#include "platform/cpu_permissions.h"
#include "platform/platform.h"
#include "platform/start.h"

namespace quipu::platform {
namespace {

// The value of a two-level name, or zeros if the system does not know it.
template <typename T>
T value_of(int top, int second) {
  const std::array<int, 2> name{top, second};
  T value{};
  size_t size = sizeof value;
  sysctl(name.data(), name.size(), &value, &size, nullptr, 0);
  return value;
}

}  // namespace

// OpenBSD tells nobody where a program's file lies: what the program was called by is looked for as a shell does.
Result<std::filesystem::path> program_path() {
  const std::array<int, 4> name{CTL_KERN, KERN_PROC_ARGS, getpid(), KERN_PROC_ARGV};
  size_t size = 0;
  sysctl(name.data(), name.size(), nullptr, &size, nullptr, 0);
  std::vector<char> words(size + 1);
  std::error_code code;
  std::string called;
  if (size > sizeof(char*) && sysctl(name.data(), name.size(), words.data(), &size, nullptr, 0) == 0) {
    const char* first = nullptr;  // pointers to the words stand before them
    std::memcpy(&first, words.data(), sizeof first);
    if (first != nullptr) called = first;
  }
  if (called.find('/') != called.npos) return std::filesystem::absolute(called, code);
  const char* path = getenv("PATH");
  std::string_view folders = path == nullptr ? "" : path;
  while (!called.empty() && !folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    const auto candidate = std::filesystem::path(folder.empty() ? "." : folder) / called;
    if (access(candidate.c_str(), X_OK) == 0) return std::filesystem::absolute(candidate, code);
    folders.remove_prefix(std::min(folder.size() + 1, folders.size()));
  }
  return error_of(ErrorKind::io, "cannot find the program's own file: start it by its path");
}

Memory memory() {
  Memory memory;
  memory.total_bytes = static_cast<uint64_t>(std::max<int64_t>(0, value_of<int64_t>(CTL_HW, HW_PHYSMEM64)));
  const auto pages = value_of<struct uvmexp>(CTL_VM, VM_UVMEXP);
  const auto reclaimable = static_cast<uint64_t>(std::max(0, pages.free) + std::max(0, pages.inactive));
  memory.available_bytes = std::min(memory.total_bytes, reclaimable * static_cast<uint64_t>(pages.pagesize));
  return memory;
}

uint64_t peak_resident_bytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;  // kilobytes
}

int n_physical_cores() {
  return std::max(1, value_of<int>(CTL_HW, HW_NCPUONLINE));  // hyper-threads are off unless hw.smt is set
}

std::string cpu_name() {
  const std::array<int, 2> name{CTL_HW, HW_MODEL};
  std::array<char, 256> text{};
  size_t size = text.size() - 1;
  if (sysctl(name.data(), name.size(), text.data(), &size, nullptr, 0) != 0) return "unknown CPU";
  return text.data();
}

bool grants_avx512_lazily() {
  return false;
}

uint64_t copy_range(int, uint64_t, int, uint64_t) {
  return 0;
}

}  // namespace quipu::platform
