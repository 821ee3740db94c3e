// 32 consecutive weights of a row as unsigned bytes with a scale and an offset for each half: the common form of every
// quantised type, from which all x86 kernels go on. Needs AVX2 and F16C.
//   w[i] = scale[i / 16] * q[i] + offset[i / 16]
// Everything here has internal linkage: each including file is compiled for its own instruction set.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"
#include "quant/types.h"

namespace quipu::kernels {
namespace {

struct Quants32 {
  __m256i q;
  float scale[2];
  float offset[2];
};

template <typename Block>
inline const Block& block_at(const std::byte* row, size_t i) {
  return *(reinterpret_cast<const Block*>(row) + i);
}

inline float half_value(const quant::Half& h) {
  uint16_t bits;
  __builtin_memcpy(&bits, &h, sizeof bits);
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}

inline __m256i load32(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

// 16 bytes to their low halves followed by their high halves.
inline __m256i nibbles32(const void* p) {
  const __m128i v = _mm_loadu_si128(static_cast<const __m128i*>(p));
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(v), _mm_srli_epi16(v, 4), 1);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

// Bit i of the 4 bytes at `bits` becomes `value` in byte i.
inline __m256i spread_bits(const uint8_t* bits, char value) {
  int packed;
  __builtin_memcpy(&packed, bits, sizeof packed);
  const __m256i byte_of_lane = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                                2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit_of_lane = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(packed), byte_of_lane);
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of_lane), bit_of_lane);
  return _mm256_and_si256(set, _mm256_set1_epi8(value));
}

// Two bits of every byte, from bit `shift` on.
inline __m256i two_bits(__m256i v, size_t shift) {
  return _mm256_and_si256(_mm256_srl_epi16(v, _mm_cvtsi32_si128(static_cast<int>(shift))), _mm256_set1_epi8(3));
}

// `value` in the bytes whose bit `bit` is set.
inline __m256i one_bit(__m256i v, size_t bit, char value) {
  const __m256i mask = _mm256_set1_epi8(static_cast<char>(1u << bit));
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(v, mask), mask), _mm256_set1_epi8(value));
}

// Scale and minimum of sub-block s of Q4_K and Q5_K (quant/blocks.h has the layout).
inline void scale_min_of_k4(const uint8_t* scales, size_t s, float& scale, float& min) {
  if (s < 4) {
    scale = static_cast<float>(scales[s] & 63);
    min = static_cast<float>(scales[s + 4] & 63);
  } else {
    scale = static_cast<float>((scales[s + 4] & 15) | ((scales[s - 4] >> 6) << 4));
    min = static_cast<float>((scales[s + 4] >> 4) | ((scales[s] >> 6) << 4));
  }
}

inline float scale_of_k3(const uint8_t* scales, size_t s) {
  const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
  const int high = (scales[8 + s % 4] >> (2 * (s / 4))) & 3;
  return static_cast<float>((low | (high << 4)) - 32);
}

// A table of 16 bytes in both halves of a register.
inline __m256i levels16(const int8_t* levels) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
}

// The scales of the 8 sub-blocks of IQ4_XS, without d.
inline __m256 scales_of_iq4_xs(const quant::BlockIQ4_XS& block) {
  uint16_t high;
  uint32_t low;
  __builtin_memcpy(&high, block.scales_high, sizeof high);
  __builtin_memcpy(&low, block.scales_low, sizeof low);
  const __m256i low4 = _mm256_and_si256(
      _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(low)), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28)),
      _mm256_set1_epi32(15));
  const __m256i high2 = _mm256_and_si256(
      _mm256_srlv_epi32(_mm256_set1_epi32(high), _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14)), _mm256_set1_epi32(3));
  const __m256i six_bits = _mm256_or_si256(low4, _mm256_slli_epi32(high2, 4));
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(six_bits, _mm256_set1_epi32(32)));
}

// 2^(e - 128): what MXFP4's doubled levels are multiplied with. The two smallest are subnormal.
inline float mxfp4_scale(uint8_t e) {
  const uint32_t bits = e < 2 ? 0x00200000u << e : (e - 1u) << 23;
  float scale;
  __builtin_memcpy(&scale, &bits, sizeof scale);
  return scale;
}

// Weights 32 * chunk ... 32 * chunk + 31 of a row.
template <quant::TensorType kType>
inline Quants32 quants32(const std::byte* row, size_t chunk);

template <>
inline Quants32 quants32<quant::TensorType::Q8_0>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ8_0>(row, chunk);
  const float d = half_value(b.d);
  return {_mm256_xor_si256(load32(b.q), _mm256_set1_epi8(-128)), {d, d}, {-128 * d, -128 * d}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q4_0>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ4_0>(row, chunk);
  const float d = half_value(b.d);
  return {nibbles32(b.q), {d, d}, {-8 * d, -8 * d}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q4_1>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ4_1>(row, chunk);
  const float d = half_value(b.d), m = half_value(b.m);
  return {nibbles32(b.q), {d, d}, {m, m}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q5_0>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ5_0>(row, chunk);
  const float d = half_value(b.d);
  return {_mm256_or_si256(nibbles32(b.q), spread_bits(b.high, 16)), {d, d}, {-16 * d, -16 * d}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q5_1>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ5_1>(row, chunk);
  const float d = half_value(b.d), m = half_value(b.m);
  return {_mm256_or_si256(nibbles32(b.q), spread_bits(b.high, 16)), {d, d}, {m, m}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q2_K>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ2_K>(row, chunk / 8);
  const size_t c = chunk % 8;
  const float d = half_value(b.d), dmin = half_value(b.dmin);
  const uint8_t* s = b.scales + 2 * c;
  return {two_bits(load32(b.q + 32 * (c / 4)), 2 * (c % 4)),
          {d * static_cast<float>(s[0] & 15), d * static_cast<float>(s[1] & 15)},
          {-dmin * static_cast<float>(s[0] >> 4), -dmin * static_cast<float>(s[1] >> 4)}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q3_K>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ3_K>(row, chunk / 8);
  const size_t c = chunk % 8;
  const float d = half_value(b.d);
  const float s0 = d * scale_of_k3(b.scales, 2 * c), s1 = d * scale_of_k3(b.scales, 2 * c + 1);
  const __m256i low = two_bits(load32(b.q + 32 * (c / 4)), 2 * (c % 4));
  return {_mm256_or_si256(low, one_bit(load32(b.high), c, 4)), {s0, s1}, {-4 * s0, -4 * s1}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q4_K>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ4_K>(row, chunk / 8);
  const size_t c = chunk % 8;
  float scale, min;
  scale_min_of_k4(b.scales, c, scale, min);
  scale *= half_value(b.d);
  min *= -half_value(b.dmin);
  const __m256i v = load32(b.q + 32 * (c / 2));
  return {_mm256_and_si256(c % 2 ? _mm256_srli_epi16(v, 4) : v, _mm256_set1_epi8(15)), {scale, scale}, {min, min}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q5_K>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ5_K>(row, chunk / 8);
  const size_t c = chunk % 8;
  float scale, min;
  scale_min_of_k4(b.scales, c, scale, min);
  scale *= half_value(b.d);
  min *= -half_value(b.dmin);
  const __m256i v = load32(b.q + 32 * (c / 2));
  const __m256i low = _mm256_and_si256(c % 2 ? _mm256_srli_epi16(v, 4) : v, _mm256_set1_epi8(15));
  return {_mm256_or_si256(low, one_bit(load32(b.high), c, 16)), {scale, scale}, {min, min}};
}

template <>
inline Quants32 quants32<quant::TensorType::Q6_K>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockQ6_K>(row, chunk / 8);
  const size_t h = chunk % 8 / 4, j = chunk % 4;
  const float d = half_value(b.d);
  const float s0 = d * static_cast<float>(b.scales[8 * h + 2 * j]);
  const float s1 = d * static_cast<float>(b.scales[8 * h + 2 * j + 1]);
  const __m256i v = load32(b.q + 64 * h + 32 * (j % 2));
  const __m256i low = _mm256_and_si256(j < 2 ? v : _mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
  const __m256i high = _mm256_slli_epi16(two_bits(load32(b.high + 32 * h), 2 * j), 4);
  return {_mm256_or_si256(low, high), {s0, s1}, {-32 * s0, -32 * s1}};
}

// Levels from -127 to 113, and from -12 to 12: raised by 128 and 12 they are unsigned.
template <>
inline Quants32 quants32<quant::TensorType::IQ4_NL>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockIQ4_NL>(row, chunk);
  const float d = half_value(b.d);
  const __m256i levels = _mm256_xor_si256(levels16(quant::kIq4Values), _mm256_set1_epi8(-128));
  return {_mm256_shuffle_epi8(levels, nibbles32(b.q)), {d, d}, {-128 * d, -128 * d}};
}

template <>
inline Quants32 quants32<quant::TensorType::IQ4_XS>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockIQ4_XS>(row, chunk / 8);
  const size_t s = chunk % 8;
  const int low = b.scales_low[s / 2] >> (4 * (s % 2)) & 15, high = b.scales_high[s / 4] >> (2 * (s % 4)) & 3;
  const float d = half_value(b.d) * static_cast<float>((low | high << 4) - 32);
  const __m256i levels = _mm256_xor_si256(levels16(quant::kIq4Values), _mm256_set1_epi8(-128));
  return {_mm256_shuffle_epi8(levels, nibbles32(b.q + 16 * s)), {d, d}, {-128 * d, -128 * d}};
}

template <>
inline Quants32 quants32<quant::TensorType::MXFP4>(const std::byte* row, size_t chunk) {
  const auto& b = block_at<quant::BlockMXFP4>(row, chunk);
  const float d = mxfp4_scale(b.e);
  const __m256i levels = _mm256_add_epi8(levels16(quant::kFp4Values), _mm256_set1_epi8(12));
  return {_mm256_shuffle_epi8(levels, nibbles32(b.q)), {d, d}, {-12 * d, -12 * d}};
}

}  // namespace
}  // namespace quipu::kernels
