// 32 consecutive weights of a row as float32, of any type, in four registers. Needs AVX2, FMA and F16C.
#pragma once

#include "kernels/x86/quants32.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;

struct Floats32 {
  __m256 v[4];
};

template <TensorType kType>
inline Floats32 decode32(const std::byte* row, size_t chunk) {
  const Quants32 v = quants32<kType>(row, chunk);
  const __m128i halves[2] = {_mm256_castsi256_si128(v.q), _mm256_extracti128_si256(v.q, 1)};
  Floats32 out;
  for (size_t i = 0; i < 4; ++i) {
    const __m128i bytes = i % 2 ? _mm_unpackhi_epi64(halves[i / 2], halves[i / 2]) : halves[i / 2];
    out.v[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)), _mm256_set1_ps(v.scale[i / 2]),
                               _mm256_set1_ps(v.offset[i / 2]));
  }
  return out;
}

template <>
inline Floats32 decode32<TensorType::F32>(const std::byte* row, size_t chunk) {
  Floats32 out;
  for (size_t i = 0; i < 4; ++i) {
    out.v[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(row + chunk * 128 + 32 * i));
  }
  return out;
}

template <>
inline Floats32 decode32<TensorType::F16>(const std::byte* row, size_t chunk) {
  Floats32 out;
  for (size_t i = 0; i < 4; ++i) {
    out.v[i] = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + chunk * 64 + 16 * i)));
  }
  return out;
}

template <>
inline Floats32 decode32<TensorType::BF16>(const std::byte* row, size_t chunk) {
  Floats32 out;
  for (size_t i = 0; i < 4; ++i) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + chunk * 64 + 16 * i));
    out.v[i] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  return out;
}

// Bytes of an element that stands for itself; 0 for the types in blocks of 32 or more.
constexpr size_t element_bytes(TensorType type) {
  return type == TensorType::F32 ? 4 : type == TensorType::F16 || type == TensorType::BF16 ? 2 : 0;
}

// As decode32 where only `n` of the 32 elements exist: the others are zeros.
template <TensorType kType>
Floats32 decode_some(const std::byte* row, size_t chunk, size_t n) {
  if constexpr (element_bytes(kType) == 0) return decode32<kType>(row, chunk);
  constexpr size_t kBytes = element_bytes(kType);
  std::byte copy[32 * (kBytes == 0 ? 1 : kBytes)] = {};
  __builtin_memcpy(copy, row + chunk * 32 * kBytes, n * kBytes);
  return decode32<kType>(copy, 0);
}

}  // namespace
}  // namespace quipu::kernels
