#include "platform/sysctl_bsd.h"

#include <sys/types.h>
// After sys/types.h, which it needs.
#include <sys/sysctl.h>

#include <cstring>

namespace quipu::platform {

std::optional<uint64_t> sysctl_number(const char* name) {
  uint64_t value = 0;
  size_t size = sizeof value;
  if (sysctlbyname(name, &value, &size, nullptr, 0) != 0) return std::nullopt;
  if (size == sizeof value) return value;
  uint32_t small = 0;  // both byte orders
  if (size != sizeof small) return std::nullopt;
  std::memcpy(&small, &value, sizeof small);
  return small;
}

std::string sysctl_text(const char* name) {
  size_t size = 0;
  if (sysctlbyname(name, nullptr, &size, nullptr, 0) != 0 || size == 0) return "";
  std::string text(size, '\0');
  if (sysctlbyname(name, text.data(), &size, nullptr, 0) != 0) return "";
  text.resize(std::strlen(text.c_str()));
  return text;
}

}  // namespace quipu::platform
