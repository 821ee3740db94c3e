// The instruction sets that the machine under test has.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/kernels.h"
#include "platform/platform.h"

namespace quipu::kernels::test {

// Those with attention and vector kernels of their own.
inline std::vector<Isa> isas_of_this_cpu() {
  std::vector<Isa> found = {Isa::generic};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(Isa::avx512);
  }
#elif defined(__aarch64__)
  found.push_back(Isa::neon);
#endif
  return found;
}

// For the matrix kernels, which have tables of their own beyond AVX2, plain AVX-512 and NEON.
inline bool has(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx_vnni) return platform::cpu_features().avx_vnni;
  if (isa == Isa::avx512_vnni) return __builtin_cpu_supports("avx512vnni");
  if (isa == Isa::avx512_bf16) return __builtin_cpu_supports("avx512bf16");
  if (isa == Isa::amx_bf16) return __builtin_cpu_supports("avx512bf16") && platform::cpu_features().amx_bf16;
#elif defined(__aarch64__)
  const platform::CpuFeatures& cpu = platform::cpu_features();
  if (isa == Isa::neon_dotprod) return cpu.dotprod;
  if (isa == Isa::neon_i8mm) return cpu.dotprod && cpu.i8mm;
  if (isa == Isa::neon_bf16) return cpu.dotprod && cpu.bf16;
#endif
  const std::vector<Isa> found = isas_of_this_cpu();
  return std::find(found.begin(), found.end(), isa) != found.end();
}

}  // namespace quipu::kernels::test
