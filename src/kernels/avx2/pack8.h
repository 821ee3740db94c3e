// How the 256-bit GEMM of bytes takes x: signed bytes with a scale for each 32, but for the largest of each 256, which
// stay float32 (avx512_vnni/packed8.h says why).
#pragma once

#include "kernels/avx2/decode.h"
#include "kernels/x86/packed16.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kOutliers = 3;
inline constexpr float kMaxQ8 = 127;

// x[k] = scale[k / 32] * q[k], and the outliers on top, whose q are 0. With a NaN or infinity in a block its scale, or
// an outlier, is not finite.
struct alignas(64) Packed8 {
  int8_t q[256];
  float scale[8];
  float sum32[8];  // of x in each 32, as rounded
  float sum16[16];
  int16_t minus16[16];  // less the sum of q in each 16
  struct Outlier {
    float x;
    uint32_t k;
  } outliers[kOutliers];
};

// minus16 of the two halves of a block, in every lane.
[[gnu::always_inline]] inline __m256i minus_sums(const Packed8& x, size_t block) {
  int32_t both;
  __builtin_memcpy(&both, x.minus16 + 2 * block, sizeof both);
  return _mm256_set1_epi32(both);
}

// The bits of |x|: floats of one sign are in the order of their bits, infinities and NaNs behind all others.
inline __m256i magnitudes(const float* x) {
  return _mm256_and_si256(_mm256_castps_si256(_mm256_load_ps(x)), _mm256_set1_epi32(0x7fffffff));
}
inline constexpr uint32_t kLargestFinite = 0x7f7fffff;

// The bits of the largest magnitude of 32.
inline uint32_t largest_of_32(const float* x) {
  const __m256i eight = _mm256_max_epi32(_mm256_max_epi32(magnitudes(x), magnitudes(x + 8)),
                                         _mm256_max_epi32(magnitudes(x + 16), magnitudes(x + 24)));
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(four));
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
  const __m256i wanted = _mm256_set1_epi32(static_cast<int>(group.largest[c]));
  float* x = group.x + 32 * c;
  uint32_t found = 0;
  for (size_t i = 0; i < 4; ++i) {
    const __m256i equal = _mm256_cmpeq_epi32(magnitudes(x + 8 * i), wanted);
    found |= static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal))) << (8 * i);
  }
  const auto i = static_cast<uint32_t>(__builtin_ctz(found));
  const Packed8::Outlier outlier{x[i], static_cast<uint32_t>(32 * c) + i};
  x[i] = 0;
  group.largest[c] = largest_of_32(x);
  return outlier;
}

// Dwords 0, 4, 1, 5, 2, 6, 3, 7: what the instructions that work in 128-bit lanes put side by side, in order.
inline __m256i ordered(__m256i v) {
  return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

inline void pack_block(const Group& group, size_t c, Packed8& out) {
  const auto largest = __builtin_bit_cast(float, group.largest[c]);
  const bool zero = largest < kLeastMax, finite = group.largest[c] <= kLargestFinite;
  out.scale[c] = zero ? 0 : finite ? largest / kMaxQ8 : __builtin_nanf("");
  const __m256 inverse = _mm256_set1_ps(zero || !finite ? 0 : kMaxQ8 / largest);
  __m256i v[4];
  for (size_t i = 0; i < 4; ++i) {
    v[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_load_ps(group.x + 32 * c + 8 * i), inverse));
  }
  const __m256i bytes = ordered(_mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3])));
  // A zero inverse makes what is not an integer of a NaN or infinity.
  _mm256_store_si256(reinterpret_cast<__m256i*>(out.q + 32 * c), finite ? bytes : _mm256_setzero_si256());
}

// The sums of 16 bytes each of four blocks: of their first halves in the low lane, of their second halves in the other.
inline __m256i sums_of_four(const int8_t* q) {
  __m256i fours[4];
  for (size_t c = 0; c < 4; ++c) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), load32(q + 32 * c));
    fours[c] = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }
  return _mm256_hadd_epi32(_mm256_hadd_epi32(fours[0], fours[1]), _mm256_hadd_epi32(fours[2], fours[3]));
}

inline void set_sums(Packed8& out) {
  for (size_t i = 0; i < 2; ++i) {
    const __m256i sums = sums_of_four(out.q + 128 * i);
    const __m256i minus = ordered(_mm256_sub_epi32(_mm256_setzero_si256(), sums));
    _mm_store_si128(reinterpret_cast<__m128i*>(out.minus16 + 8 * i),
                    _mm_packs_epi32(_mm256_castsi256_si128(minus), _mm256_extracti128_si256(minus, 1)));
    const __m128 scales = _mm_load_ps(out.scale + 4 * i);
    const __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set_m128(scales, scales));
    _mm256_store_ps(out.sum16 + 8 * i, _mm256_castsi256_ps(ordered(_mm256_castps_si256(x))));
  }
  for (const Packed8::Outlier& outlier : out.outliers) out.sum16[outlier.k / 16] += outlier.x;
  for (size_t c = 0; c < 8; ++c) out.sum32[c] = out.sum16[2 * c] + out.sum16[2 * c + 1];
}

void pack_x8(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<Packed8*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    Group group;
    const size_t n = n_in - k < 256 ? n_in - k : 256;
    __builtin_memcpy(group.x, x + k, n * sizeof(float));
    if (n < 256) __builtin_memset(group.x + n, 0, (256 - n) * sizeof(float));
    for (size_t c = 0; c < 8; ++c) group.largest[c] = largest_of_32(group.x + 32 * c);
    for (Packed8::Outlier& outlier : out->outliers) outlier = take_outlier(group);
    for (size_t c = 0; c < 8; ++c) pack_block(group, c, *out);
    set_sums(*out);
  }
}

}  // namespace
}  // namespace quipu::kernels
