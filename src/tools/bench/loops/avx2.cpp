#include <immintrin.h>

#include "tools/bench/loops/read_impl.h"

namespace quipu::tools::loops {
namespace {

struct Width {
  typedef long long Vector __attribute__((vector_size(32), may_alias));
};

float total_of(const __m256i (&sums)[kSums]) {
  int total = 0;
  for (const __m256i& sum : sums) total ^= _mm256_extract_epi32(sum, 0) ^ _mm256_extract_epi32(sum, 7);
  return static_cast<float>(total);
}

float multiply_add(uint64_t rounds) {
  const __m256 a = _mm256_set1_ps(0.5f);
  __m256 sums[kSums];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, a, a);
  }
  float total = 0;
  for (const __m256& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

// As dot products of bytes are done without VNNI.
float bytes(uint64_t rounds) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i a = _mm256_set1_epi8(3);
  __m256i sums[kSums];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (uint64_t round = 0; round < rounds; ++round) {
    // Hides from the compiler that every round multiplies the same numbers.
    __asm__ volatile("" : "+x"(a));
#pragma GCC unroll 16
    for (__m256i& sum : sums) {
      __m256i b = a;
      __asm__ volatile("" : "+x"(b));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  return total_of(sums);
}

constexpr PeakLoop kPeaks[] = {{"f32 FMA, AVX2", kSums * 8 * 2, &multiply_add},
                               {"int8 dot products, AVX2", kSums * 32 * 2, &bytes}};

}  // namespace

const Loops avx2{kReadLoops<Width>, kPeaks};

}  // namespace quipu::tools::loops
