#include <immintrin.h>

#include "tools/bench/loops/read_impl.h"

namespace quipu::tools::loops {
namespace {

float bytes(uint64_t rounds) {
  const __m256i a = _mm256_set1_epi8(3);
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (__m256i& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, a, a);
  }
  int total = 0;
  for (const __m256i& sum : sums) total ^= _mm256_extract_epi32(sum, 0);
  return static_cast<float>(total);
}

constexpr PeakLoop kPeaks[] = {{"int8 dot products, AVX-VNNI", kSums * 32 * 2, &bytes}};

}  // namespace

const Loops avx_vnni{{}, kPeaks};

}  // namespace quipu::tools::loops
