// What only Linux and Windows have, for the other systems.
#include "platform/cpu_permissions.h"
#include "platform/start.h"

namespace quipu::platform {

Status register_binary_format(const std::string&) {
  return error_of(ErrorKind::unsupported, "only Linux has binfmt_misc");
}

bool allow_amx_tiles() {
  return false;
}

}  // namespace quipu::platform
