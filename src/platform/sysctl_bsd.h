// Inside platform: values that the BSDs and macOS tell by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace quipu::platform {

// A number of 4 or 8 bytes, or nothing if the system has no such name.
std::optional<uint64_t> sysctl_number(const char* name);
std::string sysctl_text(const char* name);

}  // namespace quipu::platform
