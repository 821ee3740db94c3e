#include <sys/types.h>
// After sys/types.h, which they need.
#include <aarch64/armreg.h>
#include <sys/sysctl.h>

#include "platform/platform.h"

namespace quipu::platform {

// NetBSD hands out the identification registers. Fields: ARM DDI 0487, ID_AA64ISAR0_EL1.DP (bits 47 to 44),
// ID_AA64ISAR1_EL1.I8MM (55 to 52) and BF16 (47 to 44).
const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    aarch64_sysctl_cpu_id id{};
    size_t size = sizeof id;
    CpuFeatures f;
    f.neon = true;
    if (sysctlbyname("machdep.cpu0.cpu_id", &id, &size, nullptr, 0) != 0) return f;
    f.dotprod = ((id.ac_aa64isar0 >> 44) & 0xF) != 0;
    f.i8mm = ((id.ac_aa64isar1 >> 52) & 0xF) != 0;
    f.bf16 = ((id.ac_aa64isar1 >> 44) & 0xF) != 0;
    return f;
  }();
  return features;
}

}  // namespace quipu::platform
