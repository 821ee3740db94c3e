#include <windows.h>

#include "platform/platform.h"

namespace quipu::platform {

const CpuFeatures& cpu_features() {
  // PF_ARM_V82_DP, PF_ARM_V82_I8MM and PF_ARM_V86_BF16 of winnt.h; older headers lack the last two.
  constexpr DWORD kDotProduct = 43, kI8mm = 66, kBf16 = 68;
  static const CpuFeatures features = [] {
    CpuFeatures f;
    f.neon = true;
    f.dotprod = IsProcessorFeaturePresent(kDotProduct) != 0;
    f.i8mm = IsProcessorFeaturePresent(kI8mm) != 0;
    f.bf16 = IsProcessorFeaturePresent(kBf16) != 0;
    return f;
  }();
  return features;
}

}  // namespace quipu::platform
