#include "platform/platform.h"
#include "platform/sysctl_bsd.h"

namespace quipu::platform {

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    const auto has = [](const char* name) { return sysctl_number(name).value_or(0) != 0; };
    CpuFeatures f;
    f.neon = true;
    f.dotprod = has("hw.optional.arm.FEAT_DotProd");
    f.i8mm = has("hw.optional.arm.FEAT_I8MM");
    f.bf16 = has("hw.optional.arm.FEAT_BF16");
    return f;
  }();
  return features;
}

}  // namespace quipu::platform
