#include "quant/search.h"

#include "platform/platform.h"

namespace quipu::quant {

#if defined(__x86_64__)

std::span<const SearchKernels* const> all_search_kernels() {
  static constexpr std::array<const SearchKernels*, 3> kAll{&search_generic, &search_avx2, &search_avx512};
  const platform::CpuFeatures& cpu = platform::cpu_features();
  return std::span(kAll).first(cpu.avx512 ? 3 : cpu.avx2 ? 2 : 1);
}

#else

std::span<const SearchKernels* const> all_search_kernels() {
  static constexpr std::array<const SearchKernels*, 1> kAll{&search_generic};
  return kAll;
}

#endif

const SearchKernels& search_kernels() {
  static const SearchKernels& best = *all_search_kernels().back();
  return best;
}

}  // namespace quipu::quant
