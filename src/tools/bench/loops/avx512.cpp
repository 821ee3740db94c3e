#include <immintrin.h>

#include "tools/bench/loops/read_impl.h"

namespace quipu::tools::loops {
namespace {

struct Width {
  typedef long long Vector __attribute__((vector_size(64), may_alias));
};

float multiply_add(uint64_t rounds) {
  const __m512 a = _mm512_set1_ps(0.5f);
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, a, a);
  }
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

constexpr PeakLoop kPeaks[] = {{"f32 FMA, AVX-512", kSums * 16 * 2, &multiply_add}};

}  // namespace

const Loops avx512{kReadLoops<Width>, kPeaks};

}  // namespace quipu::tools::loops
