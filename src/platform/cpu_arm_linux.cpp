// What an ARM64 processor offers, as Linux tells it in the auxiliary vector. Empty on other machines.
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

#include "platform/platform.h"

namespace quipu::platform {

// Bit numbers: asm/hwcap.h of Linux (HWCAP_ASIMD, HWCAP_ASIMDDP, HWCAP2_I8MM, HWCAP2_BF16).
const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    const unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
    CpuFeatures f;
    f.neon = ((hwcap >> 1) & 1u) != 0;
    f.dotprod = ((hwcap >> 20) & 1u) != 0;
    f.i8mm = ((hwcap2 >> 13) & 1u) != 0;
    f.bf16 = ((hwcap2 >> 14) & 1u) != 0;
    return f;
  }();
  return features;
}

}  // namespace quipu::platform
#endif
