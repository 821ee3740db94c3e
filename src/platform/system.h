// What `quipu doctor` tells of the system, and limits that the system sets.
#pragma once

#include <cstdint>
#include <string>

namespace quipu::platform {

// Name, release and machine of the operating system ("Linux 6.1.0 x86_64").
std::string system_name();
// The locale that holds for characters ("C.UTF-8"), from the environment.
std::string character_locale();

// Lets this process open as many files as the system grants without asking, and returns how many that are.
uint64_t raise_open_files_limit();

}  // namespace quipu::platform
