#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>
#include <utility>

#include "platform/copy_range.h"
#include "platform/cpu_permissions.h"
#include "platform/platform.h"
#include "platform/start.h"

namespace quipu::platform {
namespace {

// A file of /proc or /sys; empty if it is not there.
std::string text_of(const std::string& path) {
  auto text = read_file(path, 16U << 20);
  return text.ok() ? std::move(*text) : std::string();
}

// The number that `text` begins with, after blanks.
std::optional<uint64_t> number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  uint64_t n = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), n).ec != std::errc()) return std::nullopt;
  return n;
}

std::optional<uint64_t> number_in(const std::string& path) {
  return number_at(text_of(path));
}

// The rest of the first line that begins with `key`.
std::optional<std::string> line_after(std::string_view key, const std::string& path) {
  const std::string text = text_of(path);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    if (line.starts_with(key)) return std::string(line.substr(key.size()));
    at = end + 1;
  }
  return std::nullopt;
}

std::optional<uint64_t> meminfo_bytes(std::string_view key) {
  const auto kilobytes = number_at(line_after(key, "/proc/meminfo").value_or(""));
  if (!kilobytes) return std::nullopt;
  return *kilobytes * 1024;
}

}  // namespace

Result<std::filesystem::path> program_path() {
  std::error_code code;
  auto path = std::filesystem::read_symlink("/proc/self/exe", code);
  if (code) return error_of(ErrorKind::io, "cannot find the program's own file: {}", code.message());
  return path;
}

Memory memory() {
  Memory memory;
  memory.total_bytes = meminfo_bytes("MemTotal:").value_or(0);
  memory.available_bytes = meminfo_bytes("MemAvailable:").value_or(memory.total_bytes);
  // A container's limit: version 2 of control groups, seen from inside at the root of the hierarchy.
  if (const auto limit = number_in("/sys/fs/cgroup/memory.max")) {
    const uint64_t used = number_in("/sys/fs/cgroup/memory.current").value_or(0);
    memory.total_bytes = std::min(memory.total_bytes, *limit);
    memory.available_bytes = std::min(memory.available_bytes, *limit - std::min(used, *limit));
  }
  return memory;
}

int n_physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::pair<uint64_t, uint64_t>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    cores.emplace(number_in(topology + "physical_package_id").value_or(0),
                  number_in(topology + "core_id").value_or(static_cast<uint64_t>(cpu)));
  }
  return std::max(1, static_cast<int>(cores.size()));
}

std::string cpu_name() {
  return line_after("model name\t: ", "/proc/cpuinfo").value_or("unknown CPU");
}

Status register_binary_format(const std::string& line) {
  constexpr const char* kRegister = "/proc/sys/fs/binfmt_misc/register";
  const int fd = ::open(kRegister, O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int code = errno;
  if (fd >= 0) ::close(fd);
  if (written) return {};
  return error_of(ErrorKind::io, "{}: {} (only root can write to it, where binfmt_misc is mounted)", kRegister,
                  strerror(code));
}

bool allow_amx_tiles() {
#ifdef SYS_arch_prctl                          // x86 alone has it
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM, asm/prctl.h of Linux 5.16
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool grants_avx512_lazily() {
  return false;
}

uint64_t copy_range(int from, uint64_t offset, int to, uint64_t size) {
  // By number: glibc has a wrapper since 2.27. Linux 4.5 has the call, since 5.3 between file systems too.
  auto at = static_cast<int64_t>(offset);
  const long n = syscall(SYS_copy_file_range, from, &at, to, nullptr, static_cast<size_t>(size), 0u);
  return n > 0 ? static_cast<uint64_t>(n) : 0;
}

uint64_t peak_resident_bytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;  // kilobytes
}

}  // namespace quipu::platform
