// The instruction sets that the machine under test has.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace quipu::kernels::test {

inline std::vector<Isa> isas_of_this_cpu() {
  std::vector<Isa> found = {Isa::generic};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(Isa::avx512);
  }
#endif
  return found;
}

// For the matrix kernels, which have tables of their own beyond plain AVX-512.
inline bool has(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512_vnni) return __builtin_cpu_supports("avx512vnni");
  if (isa == Isa::avx512_bf16) return __builtin_cpu_supports("avx512bf16");
#endif
  const std::vector<Isa> found = isas_of_this_cpu();
  return std::find(found.begin(), found.end(), isa) != found.end();
}

inline std::string short_name(Isa isa) {
  switch (isa) {
    case Isa::generic:
      return "generic";
    case Isa::avx2:
      return "avx2";
    default:
      return "avx512";
  }
}

}  // namespace quipu::kernels::test
