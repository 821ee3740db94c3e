#include <immintrin.h>

#include "tools/bench/loops/read_impl.h"

namespace quipu::tools::loops {
namespace {

template <__m512i (*kDot)(__m512i sum, __m512i a, __m512i b)>
float dot_products(uint64_t rounds) {
  const __m512i a = _mm512_set1_epi8(3);
  __m512i sums[kSums];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (__m512i& sum : sums) sum = kDot(sum, a, a);
  }
  int total = 0;
  for (const __m512i& sum : sums) total ^= _mm_cvtsi128_si32(_mm512_castsi512_si128(sum));
  return static_cast<float>(total);
}

inline __m512i bytes(__m512i sum, __m512i a, __m512i b) {
  return _mm512_dpbusd_epi32(sum, a, b);
}
inline __m512i words(__m512i sum, __m512i a, __m512i b) {
  return _mm512_dpwssd_epi32(sum, a, b);
}

constexpr PeakLoop kPeaks[] = {{"int8 dot products, AVX512-VNNI", kSums * 64 * 2, &dot_products<bytes>},
                               {"int16 dot products, AVX512-VNNI", kSums * 32 * 2, &dot_products<words>}};

}  // namespace

const Loops avx512_vnni{{}, kPeaks};

}  // namespace quipu::tools::loops
