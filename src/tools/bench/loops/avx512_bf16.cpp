#include <immintrin.h>

#include "tools/bench/loops/read_impl.h"

namespace quipu::tools::loops {
namespace {

float dot_products(uint64_t rounds) {
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, a, a);
  }
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

constexpr PeakLoop kPeaks[] = {{"bf16 dot products, AVX512-BF16", kSums * 32 * 2, &dot_products}};

}  // namespace

const Loops avx512_bf16{{}, kPeaks};

}  // namespace quipu::tools::loops
