#include <sys/auxv.h>

#include "platform/cpu_arm_hwcap.h"

namespace quipu::platform {

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = features_of_hwcap(getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
  return features;
}

}  // namespace quipu::platform
