// What `quipu doctor` tells of the system.
#pragma once

#include <string>

namespace quipu::platform {

// Name, release and machine of the operating system ("Linux 6.1.0 x86_64").
std::string system_name();
// The locale that holds for characters ("C.UTF-8"), from the environment.
std::string character_locale();

}  // namespace quipu::platform
