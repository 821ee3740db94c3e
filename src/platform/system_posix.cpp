#include <sys/utsname.h>

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

}  // namespace quipu::platform
