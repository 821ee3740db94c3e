// The types of points.h as float32, for the kernels that multiply those.
#pragma once

#include "kernels/x86/points_plain.h"

namespace quipu::kernels {
namespace {

using DecodeFunction = decltype(quant::TypeTraits::decode);

// 32 signed bytes, times a scale for each half.
[[gnu::always_inline]] inline void store_products(__m256i bytes, const float* scale, float* out) {
  const __m128i halves[2] = {_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
  for (size_t i = 0; i < 4; ++i) {
    const __m128i eight = i % 2 == 0 ? halves[i / 2] : _mm_unpackhi_epi64(halves[i / 2], halves[i / 2]);
    const __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight));
    _mm256_storeu_ps(out + 8 * i, _mm256_mul_ps(v, _mm256_set1_ps(scale[i / 2])));
  }
}

// As TypeTraits::decode.
template <quant::TensorType kType>
void decode_points(const std::byte* source, float* target, size_t n) {
  constexpr size_t kBytes = Points<kType>::kBytes;
  for (; n != 0; source += kBytes) {
    const size_t here = n < 256 ? n : 256;
    std::byte padded[Points<kType>::kPartial ? kBytes : 1];
    const std::byte* p = source;
    if (Points<kType>::kPartial && here < 256) {
      __builtin_memset(padded, 0, kBytes);
      __builtin_memcpy(padded, source, kBytes * here / 256);
      p = padded;
    }
    const Points<kType> points(p);
    alignas(32) float scales[16];
    _mm256_store_ps(scales, points.scales[0]);
    _mm256_store_ps(scales + 8, points.scales[1]);
    for (size_t c = 0; 32 * c < here; ++c, target += 32)
      store_products(signed_bytes(points, c), scales + 2 * c, target);
    n -= here;
  }
}

// The fastest decoder of a type.
inline DecodeFunction decoder_of(quant::TensorType type) {
  using quant::TensorType;
  switch (type) {
    case TensorType::IQ1_S:
      return decode_points<TensorType::IQ1_S>;
    case TensorType::IQ1_M:
      return decode_points<TensorType::IQ1_M>;
    case TensorType::IQ2_XXS:
      return decode_points<TensorType::IQ2_XXS>;
    case TensorType::IQ2_XS:
      return decode_points<TensorType::IQ2_XS>;
    case TensorType::IQ2_S:
      return decode_points<TensorType::IQ2_S>;
    case TensorType::IQ3_XXS:
      return decode_points<TensorType::IQ3_XXS>;
    case TensorType::IQ3_S:
      return decode_points<TensorType::IQ3_S>;
    case TensorType::TQ1_0:
      return decode_points<TensorType::TQ1_0>;
    case TensorType::TQ2_0:
      return decode_points<TensorType::TQ2_0>;
    case TensorType::NVFP4:
      return decode_points<TensorType::NVFP4>;
    case TensorType::Q1_0:
      return decode_points<TensorType::Q1_0>;
    case TensorType::Q2_0:
      return decode_points<TensorType::Q2_0>;
    default:
      return quant::traits(type).decode;
  }
}

}  // namespace
}  // namespace quipu::kernels
