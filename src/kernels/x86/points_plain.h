// The types of few bits that have plain integers (TQ1_0, TQ2_0, Q1_0, Q2_0) or four-bit floats (NVFP4), in the form of
// points.h.
#pragma once

#include "kernels/x86/points.h"

namespace quipu::kernels {
namespace {

template <>
struct Points<quant::TensorType::TQ2_0> {
  static constexpr size_t kBytes = sizeof(quant::BlockTQ2_0);
  static constexpr bool kSigns = false, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : block(block_at<quant::BlockTQ2_0>(p, 0)) {
    scales[0] = scales[1] = _mm256_set1_ps(half_value(block.d));
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    return _mm256_sub_epi8(two_bits(load32(block.q + 32 * (c / 4)), 2 * (c % 4)), _mm256_set1_epi8(1));
  }

  const quant::BlockTQ2_0& block;
  __m256 scales[2];
};

template <>
struct Points<quant::TensorType::TQ1_0> {
  static constexpr size_t kBytes = sizeof(quant::BlockTQ1_0);
  static constexpr bool kSigns = false, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : block(block_at<quant::BlockTQ1_0>(p, 0)) {
    scales[0] = scales[1] = _mm256_set1_ps(half_value(block.d));
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    static constexpr short kPowers[5] = {1, 3, 9, 27, 81};
    if (c < 5) return digits(load32(block.q), _mm256_set1_epi16(kPowers[c]));
    const __m128i last16 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.q + 32));
    if (c < 7) {
      const __m128i first = _mm_set1_epi16(c == 5 ? 1 : 9), second = _mm_set1_epi16(c == 5 ? 3 : 27);
      return digits(_mm256_broadcastsi128_si256(last16), _mm256_set_m128i(second, first));
    }
    const __m128i high = _mm_set1_epi32(load_word<int>(block.high));
    const __m128i powers = _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27);
    return digits(_mm256_set_m128i(high, last16), _mm256_set_m128i(powers, _mm_set1_epi16(81)));
  }

  const quant::BlockTQ1_0& block;
  __m256 scales[2];

 private:
  // The first digit of b * power mod 256, less 1: 3 b / 256 is 1 or more from 86 on, and 2 from 171 on.
  [[gnu::always_inline]] static __m256i digits(__m256i b, __m256i powers) {
    const __m256i low = _mm256_set1_epi16(0xff);
    const __m256i even = _mm256_and_si256(_mm256_mullo_epi16(b, powers), low);
    const __m256i v = _mm256_or_si256(even, _mm256_mullo_epi16(_mm256_andnot_si256(low, b), powers));
    const __m256i one = _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8(86)), v);
    const __m256i two = _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8(static_cast<char>(171))), v);
    return _mm256_sub_epi8(_mm256_set1_epi8(-1), _mm256_add_epi8(one, two));
  }
};

template <>
struct Points<quant::TensorType::Q1_0> {
  static constexpr size_t kBytes = 2 * sizeof(quant::BlockQ1_0);
  static constexpr bool kSigns = false, kPartial = true;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : blocks(&block_at<quant::BlockQ1_0>(p, 0)) {
    for (size_t i = 0; i < 2; ++i) scales[i] = _mm256_set1_ps(half_value(blocks[i].d));
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    return _mm256_sub_epi8(spread_bits(blocks[c / 4].q + 4 * (c % 4), 2), _mm256_set1_epi8(1));
  }

  const quant::BlockQ1_0* blocks;
  __m256 scales[2];
};

template <>
struct Points<quant::TensorType::Q2_0> {
  static constexpr size_t kBytes = 4 * sizeof(quant::BlockQ2_0);
  static constexpr bool kSigns = false, kPartial = true;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : blocks(&block_at<quant::BlockQ2_0>(p, 0)) {
    for (size_t i = 0; i < 2; ++i) {
      scales[i] =
          _mm256_set_m128(_mm_set1_ps(half_value(blocks[2 * i + 1].d)), _mm_set1_ps(half_value(blocks[2 * i].d)));
    }
  }
  // Bits 0..7 of a word to bits 0 and 1 of its four bytes.
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const uint8_t* q = blocks[c / 2].q + 8 * (c % 2);
    __m256i v = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(q)));
    v = _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi32(v, 12)), _mm256_set1_epi32(0x000f000f));
    v = _mm256_and_si256(_mm256_or_si256(v, _mm256_slli_epi32(v, 6)), _mm256_set1_epi32(0x03030303));
    return _mm256_sub_epi8(v, _mm256_set1_epi8(1));
  }

  const quant::BlockQ2_0* blocks;
  __m256 scales[2];
};

template <>
struct Points<quant::TensorType::NVFP4> {
  static constexpr size_t kBytes = 4 * sizeof(quant::BlockNVFP4);
  static constexpr bool kSigns = false, kPartial = true;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : blocks(&block_at<quant::BlockNVFP4>(p, 0)) {
    const auto word = [&](size_t i) { return load_word<int>(blocks[i].scales); };
    const __m128i codes = _mm_setr_epi32(word(0), word(1), word(2), word(3));
    scales[0] = halves_of_e4m3(_mm256_cvtepu8_epi32(codes));
    scales[1] = halves_of_e4m3(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(codes, codes)));
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks[c / 2].q + 16 * (c % 2)));
    const __m128i mask = _mm_set1_epi8(15);
    const __m128i low = _mm_and_si128(v, mask), high = _mm_and_si128(_mm_srli_epi16(v, 4), mask);
    return _mm256_shuffle_epi8(levels16(quant::kFp4Values),
                               _mm256_set_m128i(_mm_unpackhi_epi64(low, high), _mm_unpacklo_epi64(low, high)));
  }

  const quant::BlockNVFP4* blocks;
  __m256 scales[2];

 private:
  // quant::nvfp4_scale() of eight codes. As the upper bits of a float32 a code has the value 2^-120 times its own,
  // subnormal or not.
  [[gnu::always_inline]] static __m256 halves_of_e4m3(__m256i codes) {
    const __m256i bits = _mm256_slli_epi32(_mm256_and_si256(codes, _mm256_set1_epi32(0x7f)), 20);
    const __m256 value = _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p119f));
    const __m256i none = _mm256_cmpeq_epi32(codes, _mm256_set1_epi32(0x7f));
    return _mm256_andnot_ps(_mm256_castsi256_ps(none), value);
  }
};

}  // namespace
}  // namespace quipu::kernels
