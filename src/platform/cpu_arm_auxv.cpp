#include <sys/types.h>
// After sys/types.h, which it needs.
#include <sys/auxv.h>

#include "platform/cpu_arm_hwcap.h"

namespace quipu::platform {

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    unsigned long hwcap = 0, hwcap2 = 0;
    elf_aux_info(AT_HWCAP, &hwcap, sizeof hwcap);
    elf_aux_info(AT_HWCAP2, &hwcap2, sizeof hwcap2);
    return features_of_hwcap(hwcap, hwcap2);
  }();
  return features;
}

}  // namespace quipu::platform
