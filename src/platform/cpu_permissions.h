// Inside platform: what a system must grant before a CPU feature may be used.
#pragma once

namespace quipu::platform {

// Asks the system for the AMX tile registers. False where it refuses or knows nothing of them.
bool allow_amx_tiles();

// True where the system saves the registers of AVX-512 only from their first use on: XGETBV does not show them before.
bool grants_avx512_lazily();

}  // namespace quipu::platform
