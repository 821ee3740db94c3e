// 256 weights of the types with few bits as signed bytes with a scale for each 16, in the order of the row: here those
// whose numbers are points of a grid (IQ1, IQ2, IQ3), in points_plain.h the others. Needs AVX2 and F16C.
//
// A type is a struct that is made from kBytes bytes of a row, and gives
//   scales       16 floats, one for each 16 elements
//   bytes(c)     elements 32 c ... 32 c + 31 without scale, and without sign if kSigns
//   signs()      if kSigns: 32 bytes, of which bit i % 8 of byte i / 8 is set where element i is negative
//   kPartial     whether a row may end behind any multiple of 64; what is there instead must be readable
// Everything here has internal linkage: each including file is compiled for its own instruction set.
#pragma once

#include "kernels/x86/quants32.h"
#include "quant/blocks_grid.h"
#include "quant/generated/grids.h"

namespace quipu::kernels {
namespace {

template <typename Word>
inline Word load_word(const void* p) {
  Word v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// factor * v + offset of 16 bytes.
[[gnu::always_inline]] inline void scales_of_bytes(__m128i v, float factor, float offset, __m256 out[2]) {
  const __m256 f = _mm256_set1_ps(factor), o = _mm256_set1_ps(offset);
  out[0] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v)), f, o);
  out[1] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(v, v))), f, o);
}

// factor * v + offset of 8 integers, each twice.
[[gnu::always_inline]] inline void scales_of_eight(__m256i v, float factor, float offset, __m256 out[2]) {
  const __m256 s = _mm256_fmadd_ps(_mm256_cvtepi32_ps(v), _mm256_set1_ps(factor), _mm256_set1_ps(offset));
  out[0] = _mm256_permutevar8x32_ps(s, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
  out[1] = _mm256_permutevar8x32_ps(s, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7));
}

// 8 bytes of halves, low ones first.
[[gnu::always_inline]] inline __m128i halves_of_8(const uint8_t* p) {
  const __m128i v = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)), mask = _mm_set1_epi8(15);
  return _mm_unpacklo_epi8(_mm_and_si128(v, mask), _mm_and_si128(_mm_srli_epi16(v, 4), mask));
}

// The same of 4 bytes as words.
[[gnu::always_inline]] inline __m256i halves_as_words(const uint8_t* p) {
  const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  return _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(load_word<int>(p)), shifts), _mm256_set1_epi32(15));
}

// Four points of eight elements.
template <size_t n>
[[gnu::always_inline]] inline __m256i points8(const std::array<uint64_t, n>& grid, size_t a, size_t b, size_t c,
                                              size_t d) {
  return _mm256_setr_epi64x(static_cast<long long>(grid[a]), static_cast<long long>(grid[b]),
                            static_cast<long long>(grid[c]), static_cast<long long>(grid[d]));
}

// Eight points of four, of which i gives the index.
template <size_t n, typename Index>
[[gnu::always_inline]] inline __m256i points4(const std::array<uint32_t, n>& grid, Index index) {
  const auto point = [&](size_t i) { return static_cast<int>(grid[index(i)]); };
  return _mm256_setr_epi32(point(0), point(1), point(2), point(3), point(4), point(5), point(6), point(7));
}

// The sign that seven others imply, in bit 7 of each byte: their number is even.
[[gnu::always_inline]] inline __m256i with_eighth_sign(__m256i seven) {
  const __m256i odd = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0));
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i low = _mm256_shuffle_epi8(odd, _mm256_and_si256(seven, mask));
  const __m256i high = _mm256_shuffle_epi8(odd, _mm256_and_si256(_mm256_srli_epi16(seven, 4), mask));
  return _mm256_or_si256(seven, _mm256_xor_si256(low, high));
}

// Four times seven signs in the low 28 bits of each word to four bytes of eight.
[[gnu::always_inline]] inline __m256i signs_of_28(__m256i words) {
  const auto spread = [](__m256i v, int low, int high, int by) {
    return _mm256_or_si256(_mm256_and_si256(v, _mm256_set1_epi32(low)),
                           _mm256_slli_epi32(_mm256_and_si256(v, _mm256_set1_epi32(high)), by));
  };
  return with_eighth_sign(spread(spread(words, 0x3fff, 0x0fffc000, 2), 0x007f007f, 0x3f803f80, 1));
}

struct alignas(32) StoredSigns {
  uint8_t v[32];
  [[gnu::always_inline]] explicit StoredSigns(__m256i signs) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(v), signs);
  }
};

template <quant::TensorType kType>
struct Points;

template <>
struct Points<quant::TensorType::IQ2_XXS> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_XXS);
  static constexpr bool kSigns = true, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p)
      : block(block_at<quant::BlockIQ2_XXS>(p, 0)), stored(signs_of_28(words(block))) {
    const float d = half_value(block.d);
    scales_of_eight(_mm256_srli_epi32(words(block), 28), d / 4, d / 8, scales);
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const uint8_t* i = block.sub[c].index;
    return points8(quant::kIq2XxsGrid, i[0], i[1], i[2], i[3]);
  }
  [[nodiscard]] const uint8_t* signs() const { return stored.v; }

  const quant::BlockIQ2_XXS& block;
  StoredSigns stored;
  __m256 scales[2];

 private:
  // The second of the two words of each sub-block.
  [[gnu::always_inline]] static __m256i words(const quant::BlockIQ2_XXS& block) {
    const __m256 a = _mm256_castsi256_ps(load32(block.sub)), b = _mm256_castsi256_ps(load32(block.sub + 4));
    return _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8);
  }
};

template <>
struct Points<quant::TensorType::IQ2_XS> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_XS);
  static constexpr bool kSigns = true, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p)
      : block(block_at<quant::BlockIQ2_XS>(p, 0)), stored(with_eighth_sign(seven_signs(block))) {
    const float d = half_value(block.d);
    scales_of_bytes(halves_of_8(block.scales), d / 4, d / 8, scales);
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const auto w = load_word<uint64_t>(block.q + 4 * c);
    return points8(quant::kIq2XsGrid, w & 511, (w >> 16) & 511, (w >> 32) & 511, (w >> 48) & 511);
  }
  [[nodiscard]] const uint8_t* signs() const { return stored.v; }

  const quant::BlockIQ2_XS& block;
  StoredSigns stored;
  __m256 scales[2];

 private:
  [[gnu::always_inline]] static __m256i seven_signs(const quant::BlockIQ2_XS& block) {
    const __m256i a = _mm256_srli_epi16(load32(block.q), 9), b = _mm256_srli_epi16(load32(block.q + 16), 9);
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xd8);
  }
};

template <>
struct Points<quant::TensorType::IQ2_S> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_S);
  static constexpr bool kSigns = true, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : block(block_at<quant::BlockIQ2_S>(p, 0)) {
    const float d = half_value(block.d);
    scales_of_bytes(halves_of_8(block.scales), d / 4, d / 8, scales);
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const uint8_t* i = block.index + 4 * c;
    const uint32_t high = block.high[c];
    return points8(quant::kIq2SGrid, i[0] | (high << 8 & 0x300), i[1] | (high << 6 & 0x300), i[2] | (high << 4 & 0x300),
                   i[3] | (high << 2 & 0x300));
  }
  [[nodiscard]] const uint8_t* signs() const { return block.signs; }

  const quant::BlockIQ2_S& block;
  __m256 scales[2];
};

template <>
struct Points<quant::TensorType::IQ3_XXS> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ3_XXS);
  static constexpr bool kSigns = true, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p)
      : block(block_at<quant::BlockIQ3_XXS>(p, 0)), stored(signs_of_28(load32(block.signs_scale))) {
    const float d = half_value(block.d);
    scales_of_eight(_mm256_srli_epi32(load32(block.signs_scale), 28), d / 2, d / 4, scales);
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    return points4(quant::kIq3XxsGrid, [index = block.index + 8 * c](size_t i) { return index[i]; });
  }
  [[nodiscard]] const uint8_t* signs() const { return stored.v; }

  const quant::BlockIQ3_XXS& block;
  StoredSigns stored;
  __m256 scales[2];
};

template <>
struct Points<quant::TensorType::IQ3_S> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ3_S);
  static constexpr bool kSigns = true, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : block(block_at<quant::BlockIQ3_S>(p, 0)) {
    const float d = half_value(block.d);
    scales_of_eight(halves_as_words(block.scales), 2 * d, d, scales);
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const uint32_t high = static_cast<uint32_t>(block.high[c]) << 8;
    return points4(quant::kIq3SGrid,
                   [high, index = block.index + 8 * c](size_t i) { return index[i] | (high >> i & 0x100); });
  }
  [[nodiscard]] const uint8_t* signs() const { return block.signs; }

  const quant::BlockIQ3_S& block;
  __m256 scales[2];
};

// Eight times the numbers of the grid, and one more or less: scales are for eighths.
[[gnu::always_inline]] inline __m256i eighths(__m256i points, __m256i shift) {
  const __m256i by8 = _mm256_and_si256(_mm256_slli_epi16(points, 3), _mm256_set1_epi8(-8));
  return _mm256_add_epi8(by8, shift);
}

template <>
struct Points<quant::TensorType::IQ1_S> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ1_S);
  static constexpr bool kSigns = false, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : block(block_at<quant::BlockIQ1_S>(p, 0)) {
    const float d = half_value(block.d);
    const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block.high)));
    const __m256i three_bits = _mm256_and_si256(_mm256_srli_epi32(words, 12), _mm256_set1_epi32(7));
    scales_of_eight(three_bits, d / 4, d / 8, scales);
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const uint8_t* i = block.index + 4 * c;
    const uint32_t word = load_word<uint16_t>(block.high + c);
    const __m256i points = points8(quant::kIq1Grid, i[0] | (word << 8 & 0x700), i[1] | (word << 5 & 0x700),
                                   i[2] | (word << 2 & 0x700), i[3] | (word >> 1 & 0x700));
    return eighths(points, _mm256_set1_epi8((word & 0x8000) != 0 ? -1 : 1));
  }

  const quant::BlockIQ1_S& block;
  __m256 scales[2];
};

// d of IQ1_M: the top four bits of each of the four words of scales.
[[gnu::always_inline]] inline float d_of_iq1_m(uint64_t words) {
  const auto bits =
      static_cast<int>((words >> 12 & 0xf) | (words >> 24 & 0xf0) | (words >> 36 & 0xf00) | (words >> 48 & 0xf000));
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}

template <>
struct Points<quant::TensorType::IQ1_M> {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ1_M);
  static constexpr bool kSigns = false, kPartial = false;

  [[gnu::always_inline]] explicit Points(const std::byte* p) : block(block_at<quant::BlockIQ1_M>(p, 0)) {
    const auto words = load_word<uint64_t>(block.scales);
    const float d = d_of_iq1_m(words);
    const __m256i all = _mm256_set1_epi64x(static_cast<long long>(words));
    const __m256i shifts = _mm256_setr_epi32(0, 3, 6, 9, 0, 3, 6, 9);
    for (size_t i = 0; i < 2; ++i) {  // a word a quarter
      const auto w = static_cast<char>(4 * i);
      const __m256i word_of_lane =
          _mm256_setr_epi8(w, w + 1, -1, -1, w, w + 1, -1, -1, w, w + 1, -1, -1, w, w + 1, -1, -1,  //
                           w + 2, w + 3, -1, -1, w + 2, w + 3, -1, -1, w + 2, w + 3, -1, -1, w + 2, w + 3, -1, -1);
      const __m256i three_bits =
          _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi8(all, word_of_lane), shifts), _mm256_set1_epi32(7));
      scales[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(three_bits), _mm256_set1_ps(d / 4), _mm256_set1_ps(d / 8));
    }
  }
  [[gnu::always_inline]] __m256i bytes(size_t c) const {
    const uint8_t* i = block.index + 4 * c;
    const uint32_t high = load_word<uint16_t>(block.high + 2 * c);
    const __m256i points = points8(quant::kIq1Grid, i[0] | (high << 8 & 0x700), i[1] | (high << 4 & 0x700),
                                   i[2] | (high & 0x700), i[3] | (high >> 4 & 0x700));
    const __m256i bit = _mm256_setr_epi64x(0x8, 0x80, 0x800, 0x8000);
    const __m256i minus = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(high), bit), bit);
    return eighths(points, _mm256_or_si256(minus, _mm256_set1_epi8(1)));
  }

  const quant::BlockIQ1_M& block;
  __m256 scales[2];
};

// Negative where signs say so: elements 32 c ... 32 c + 31.
template <quant::TensorType kType>
[[gnu::always_inline]] inline __m256i signed_bytes(const Points<kType>& points, size_t c) {
  const __m256i v = points.bytes(c);
  if constexpr (!Points<kType>::kSigns) return v;
  if constexpr (Points<kType>::kSigns) {
    const __m256i minus = spread_bits(points.signs() + 4 * c, -1);
    return _mm256_sub_epi8(_mm256_xor_si256(v, minus), minus);
  }
}

}  // namespace
}  // namespace quipu::kernels
