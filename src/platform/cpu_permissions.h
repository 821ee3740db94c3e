// Inside platform: what a system must grant before a CPU feature may be used.
#pragma once

namespace quipu::platform {

// Asks the system for the AMX tile registers. False where it refuses or knows nothing of them.
bool allow_amx_tiles();

}  // namespace quipu::platform
