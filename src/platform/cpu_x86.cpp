// What an x86-64 processor and its system offer, by CPUID and XGETBV.
#include <cpuid.h>

#include "platform/cpu_permissions.h"
#include "platform/platform.h"

namespace quipu::platform {
namespace {

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

bool bit(uint32_t value, int index) {
  return ((value >> index) & 1u) != 0;
}

uint64_t enabled_state() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

// Bit numbers: Intel SDM volume 2A, CPUID; state components: volume 1, chapter 13.
CpuFeatures detect() {
  CpuFeatures f;
  const Registers basic = cpuid(1, 0);
  if (!bit(basic.ecx, 27)) return f;  // OSXSAVE
  const uint64_t state = enabled_state();
  const bool ymm = (state & 0x6) == 0x6;
  const bool zmm = (state & 0xe6) == 0xe6 || (ymm && grants_avx512_lazily());
  const bool tiles = (state & 0x60000) == 0x60000;
  const Registers seven = cpuid(7, 0), seven_one = cpuid(7, 1);
  f.avx2 = ymm && bit(basic.ecx, 28) && bit(basic.ecx, 12) && bit(basic.ecx, 29) && bit(seven.ebx, 5);
  f.avx_vnni = f.avx2 && bit(seven_one.eax, 4);
  f.avx512 = f.avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 28) && bit(seven.ebx, 30) &&
             bit(seven.ebx, 31);
  f.avx512_vnni = f.avx512 && bit(seven.ecx, 11);
  f.avx512_vbmi = f.avx512 && bit(seven.ecx, 1);
  f.avx512_bf16 = f.avx512 && bit(seven_one.eax, 5);
  if (f.avx512 && tiles && bit(seven.edx, 24) && allow_amx_tiles()) {
    f.amx_bf16 = bit(seven.edx, 22);
    f.amx_int8 = bit(seven.edx, 25);
  }
  return f;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace quipu::platform
