// Inside platform: the words in which Linux, FreeBSD and OpenBSD tell of an ARM64 processor; the bits are the same.
#pragma once

#include <cstdint>

#include "platform/platform.h"

namespace quipu::platform {

// Bit numbers: asm/hwcap.h of Linux (HWCAP_ASIMD, HWCAP_ASIMDDP, HWCAP2_I8MM, HWCAP2_BF16).
inline CpuFeatures features_of_hwcap(uint64_t hwcap, uint64_t hwcap2) {
  CpuFeatures f;
  f.neon = ((hwcap >> 1) & 1u) != 0;
  f.dotprod = ((hwcap >> 20) & 1u) != 0;
  f.i8mm = ((hwcap2 >> 13) & 1u) != 0;
  f.bf16 = ((hwcap2 >> 14) & 1u) != 0;
  return f;
}

}  // namespace quipu::platform
