#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>

#include "platform/system.h"
#include "platform/terminal.h"

namespace quipu::platform {

std::string system_name() {
  struct utsname name {};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string character_locale() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto value = environment(variable);
    if (value && !value->empty()) return *value;
  }
  return "C";
}

uint64_t raise_open_files_limit() {
  struct rlimit limit {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  // More than this serves nobody, and some systems call "unlimited" what they then refuse.
  constexpr rlim_t kEnough = 65536;
  const rlim_t wanted = limit.rlim_max == RLIM_INFINITY ? kEnough : std::min(limit.rlim_max, kEnough);
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) return std::min(limit.rlim_cur, kEnough);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = wanted;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? wanted : before;
}

}  // namespace quipu::platform
