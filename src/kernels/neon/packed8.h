// How the int8 GEMMs of ARM64 take x: 8-bit integers with a scale for each 32, but for the largest of each 256, which
// stay float32 (docs/ARCHITECTURE.md, 'Exactness'). Plain NEON.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {
namespace {

inline constexpr size_t kOutliers = 3;

// x[k] = scale[k / 32] * q[k], and the outliers on top, whose q are 0. With a NaN or infinity in a block its scale, or
// an outlier, is not finite.
struct alignas(64) Packed8 {
  int8_t q[256];
  float scale[8];
  float sum16[16];  // of x in each 16, as rounded,
  float sum32[8];   // and in each 32
  struct Outlier {
    float x;
    uint32_t k;
  } outliers[kOutliers];
};

inline constexpr float kMaxQ8 = 127;
// A magnitude below this is taken as zero: its reciprocal times kMaxQ8 must not overflow.
inline constexpr float kLeastMax8 = 0x1p-100f;

// Of floats without a sign, whose order is that of their bits.
inline uint32_t largest_of_32(const float* x) {
  uint32x4_t max = vdupq_n_u32(0);
  for (size_t i = 0; i < 32; i += 4) max = vmaxq_u32(max, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
  return vmaxvq_u32(max);
}

// 256 elements of a row, and the bits of the largest magnitude of each 32.
struct alignas(16) Group {
  float x[256];
  uint32_t largest[8];
};

// Takes the element of the largest magnitude out.
inline Packed8::Outlier take_outlier(Group& group) {
  size_t c = 0;
  for (size_t i = 1; i < 8; ++i) c = group.largest[i] > group.largest[c] ? i : c;
  float* x = group.x + 32 * c;
  size_t i = 0;
  while (__builtin_bit_cast(uint32_t, __builtin_fabsf(x[i])) != group.largest[c]) ++i;
  const Packed8::Outlier outlier{x[i], static_cast<uint32_t>(32 * c + i)};
  x[i] = 0;
  group.largest[c] = largest_of_32(x);
  return outlier;
}

// Elements 32 c ... 32 c + 31, without the outliers.
inline void pack_chunk(const Group& group, size_t c, Packed8& out) {
  const auto largest = __builtin_bit_cast(float, group.largest[c]);
  const bool finite = __builtin_isfinite(largest), zero = largest < kLeastMax8;
  const float scale = !finite ? __builtin_nanf("") : zero ? 0 : largest / kMaxQ8;
  const float inverse = zero ? 0 : kMaxQ8 / largest;
  out.scale[c] = scale;
  for (size_t half = 2 * c; half < 2 * c + 2; ++half) {
    int16x4_t q[4];
    for (size_t i = 0; i < 4; ++i) {
      const float32x4_t v = vld1q_f32(group.x + 16 * half + 4 * i);
      q[i] = finite ? vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(v, inverse))) : vdup_n_s16(0);
    }
    const int8x16_t bytes = vcombine_s8(vmovn_s16(vcombine_s16(q[0], q[1])), vmovn_s16(vcombine_s16(q[2], q[3])));
    vst1q_s8(out.q + 16 * half, bytes);
    out.sum16[half] = scale * static_cast<float>(vaddlvq_s8(bytes));
  }
}

void pack_x8(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<Packed8*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    const size_t n = n_in - k < 256 ? n_in - k : 256;
    Group group;
    __builtin_memcpy(group.x, x + k, n * sizeof(float));
    __builtin_memset(group.x + n, 0, (256 - n) * sizeof(float));
    for (size_t c = 0; c < 8; ++c) group.largest[c] = largest_of_32(group.x + 32 * c);
    for (Packed8::Outlier& outlier : out->outliers) outlier = take_outlier(group);
    for (size_t c = 0; c < 8; ++c) pack_chunk(group, c, *out);
    for (const Packed8::Outlier& outlier : out->outliers) out->sum16[outlier.k / 16] += outlier.x;
    for (size_t c = 0; c < 8; ++c) out->sum32[c] = out->sum16[2 * c] + out->sum16[2 * c + 1];
  }
}

}  // namespace
}  // namespace quipu::kernels
