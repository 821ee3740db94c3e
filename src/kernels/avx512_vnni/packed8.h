// How the int8 GEMM takes x: 8-bit integers with a scale for each 32, but for the largest of each 256, which stay
// float32. Rounding errors go with the largest magnitude of a block, and in a transformer a few channels are far larger
// than the rest: without them the distance to float32 arithmetic is less than half (tests/truth).
#pragma once

#include "kernels/avx512/decode.h"
#include "kernels/x86/packed16.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kOutliers = 3;

// x[k] = scale[k / 32] * (q[k] - 128), and the outliers on top, whose q are 128. With a NaN or infinity in a block its
// scale, or an outlier, is not finite.
struct alignas(64) Packed8 {
  uint8_t q[256];
  float scale[8];
  float sum32[8];  // of x in each 32, as rounded
  float sum16[16];
  struct Outlier {
    float x;
    uint32_t k;
  } outliers[kOutliers];
};

inline constexpr float kMaxQ8 = 127;

// The bits of the largest magnitude of 32.
inline uint32_t largest_of_32(const float* x) {
  return static_cast<uint32_t>(
      _mm512_reduce_max_epi32(_mm512_max_epi32(magnitudes(_mm512_load_ps(x)), magnitudes(_mm512_load_ps(x + 16)))));
}

// 256 elements of a row, and the bits of the largest magnitude of each 32.
struct alignas(64) Group {
  float x[256];
  uint32_t largest[8];
};

// Takes the element of the largest magnitude out.
inline Packed8::Outlier take_outlier(Group& group) {
  size_t c = 0;
  for (size_t i = 1; i < 8; ++i) c = group.largest[i] > group.largest[c] ? i : c;
  const __m512i wanted = _mm512_set1_epi32(static_cast<int>(group.largest[c]));
  float* x = group.x + 32 * c;
  const uint32_t low = _mm512_cmpeq_epi32_mask(magnitudes(_mm512_load_ps(x)), wanted);
  const uint32_t high = _mm512_cmpeq_epi32_mask(magnitudes(_mm512_load_ps(x + 16)), wanted);
  const auto i = static_cast<uint32_t>(__builtin_ctz(low | high << 16));
  const Packed8::Outlier outlier{x[i], static_cast<uint32_t>(32 * c) + i};
  x[i] = 0;
  group.largest[c] = largest_of_32(x);
  return outlier;
}

// The sums of 16 unsigned bytes each, less 128 for each byte.
inline __m512 sums_of_16(const uint8_t bytes[256]) {
  const __m256i one = _mm256_set1_epi8(1);
  __m256i fours[8];
  for (size_t c = 0; c < 8; ++c) fours[c] = _mm256_dpbusd_epi32(_mm256_setzero_si256(), load32(bytes + 32 * c), one);
  const auto quads = [&](size_t i) {  // lanes: first halves of four blocks, second halves
    return _mm256_hadd_epi32(_mm256_hadd_epi32(fours[i], fours[i + 1]), _mm256_hadd_epi32(fours[i + 2], fours[i + 3]));
  };
  const __m512i sums = _mm512_inserti64x4(_mm512_castsi256_si512(quads(0)), quads(4), 1);
  const __m512i order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_permutexvar_epi32(order, sums), _mm512_set1_epi32(16 * 128)));
}

// The sums of x, as it is rounded, of each 16 and each 32.
inline void set_sums(Packed8& out) {
  const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const __m512 scales = _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(_mm256_load_ps(out.scale)));
  _mm512_store_ps(out.sum16, _mm512_mul_ps(sums_of_16(out.q), scales));
  for (const Packed8::Outlier& outlier : out.outliers) out.sum16[outlier.k / 16] += outlier.x;
  for (size_t c = 0; c < 8; ++c) out.sum32[c] = out.sum16[2 * c] + out.sum16[2 * c + 1];
}

inline void store_bytes(uint8_t* out, __m512i a, __m512i b) {
  const __m512i raise = _mm512_set1_epi32(128);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(_mm512_add_epi32(a, raise)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16), _mm512_cvtepi32_epi8(_mm512_add_epi32(b, raise)));
}

inline void pack_block(const Group& group, size_t c, Packed8& out) {
  const auto largest = __builtin_bit_cast(float, group.largest[c]);
  const bool zero = largest < kLeastMax, finite = group.largest[c] <= kLargestFinite;
  out.scale[c] = zero ? 0 : finite ? largest / kMaxQ8 : __builtin_nanf("");
  const __m512 inverse = _mm512_set1_ps(zero || !finite ? 0 : kMaxQ8 / largest);
  // Turns what a zero inverse makes of a NaN or infinity into 0.
  const __mmask16 all = finite ? 0xffff : 0;
  const float* x = group.x + 32 * c;
  store_bytes(out.q + 32 * c, _mm512_maskz_cvtps_epi32(all, _mm512_mul_ps(_mm512_load_ps(x), inverse)),
              _mm512_maskz_cvtps_epi32(all, _mm512_mul_ps(_mm512_load_ps(x + 16), inverse)));
}

void pack_x8(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<Packed8*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    Group group;
    for (size_t i = 0; i < 256; i += 16) _mm512_store_ps(group.x + i, load_part16(x, n_in, k + i));
    for (size_t c = 0; c < 8; ++c) group.largest[c] = largest_of_32(group.x + 32 * c);
    for (Packed8::Outlier& outlier : out->outliers) outlier = take_outlier(group);
    for (size_t c = 0; c < 8; ++c) pack_block(group, c, *out);
    set_sums(*out);
  }
}

}  // namespace
}  // namespace quipu::kernels
