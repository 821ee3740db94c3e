// 256 weights of a grid type as bytes in four registers, straight from their block, for the fused kernels. AVX-512 F,
// BW, DQ, VL and VNNI.
//
// A type is a struct that says its Bytes order, how many bytes 256 elements take, and
//   kPartial     whether a row may end behind any multiple of 64
//   kHalves      whether the first two registers have other scales than the others
// whose constructor reads a block with the help of a table(), and which has
//   bytes[4]     unsigned: raised by raised_by(kOrder)
//   scales[2]    of the lanes of the first two registers and of the others; only the first without kHalves
//
// Points of up to 1024 are looked up without loads: 16 bits each say which of the few levels each element has, and a
// register takes 32 of them; vpermi2w finds 32 of 64 at once.
#pragma once

#include "kernels/avx512/decode.h"
#include "kernels/avx512_vnni/packed_bytes.h"
#include "kernels/x86/points.h"

namespace quipu::kernels {
namespace {

template <size_t kPoints>
struct alignas(64) Codes {
  uint16_t v[kPoints];
};

// Points of 8: two bits an element, in bytes of elements 0 1 4 5 and 2 3 6 7. `level` turns a magnitude to 0, 1 or 2.
template <size_t n>
Codes<n> codes8(const std::array<uint64_t, n>& grid) {
  constexpr size_t kPlace[8] = {0, 2, 8, 10, 4, 6, 12, 14};
  Codes<n> codes{};
  for (size_t p = 0; p < n; ++p) {
    for (size_t i = 0; i < 8; ++i) {
      const auto level = static_cast<uint32_t>(grid[p] >> (8 * i + 4) & 3);  // 8, 25 and 43 in sixteenths
      codes.v[p] = static_cast<uint16_t>(codes.v[p] | level << kPlace[i]);
    }
  }
  return codes;
}

// Points of 4: a half byte an element, of which the upper bit is for its sign.
template <size_t n>
Codes<n> codes4(const std::array<uint32_t, n>& grid, size_t shift) {
  Codes<n> codes{};
  for (size_t p = 0; p < n; ++p) {
    for (size_t i = 0; i < 4; ++i) {
      codes.v[p] = static_cast<uint16_t>(codes.v[p] | (grid[p] >> (8 * i + shift) & 7) << (4 * i));
    }
  }
  return codes;
}

template <size_t kPoints>
[[gnu::always_inline]] inline __m512i look_up(const uint16_t* codes, __m512i index) {
  if constexpr (kPoints == 64) {
    return _mm512_permutex2var_epi16(_mm512_load_si512(codes), index, _mm512_load_si512(codes + 32));
  } else {
    const __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(kPoints / 2));
    const __m512i first = look_up<kPoints / 2>(codes, index);
    return _mm512_mask_mov_epi16(first, upper, look_up<kPoints / 2>(codes + kPoints / 2, index));
  }
}

[[gnu::always_inline]] inline __m512i table16(__m128i table) {
  return _mm512_broadcast_i32x4(table);
}

// A number of each 16 elements as a scale.
[[gnu::always_inline]] inline __m512 scales16(__m512i v, float factor, float offset) {
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(v), _mm512_set1_ps(factor), _mm512_set1_ps(offset));
}
[[gnu::always_inline]] inline __m512i each_twice(__m256i v) {
  const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_permutexvar_epi32(twice, _mm512_castsi256_si512(v));
}

// ---- IQ2: 32 points of 8 -------------------------------------------------------------------------------------------

struct Iq2Bytes {
  static constexpr Bytes kOrder = Bytes::grids;
  static constexpr bool kHalves = false, kPartial = false;

  // A code and, in both bytes of a word, the signs of each group of 8.
  [[gnu::always_inline]] void set(__m512i codes, __m512i signs) {
    const __m512i levels = table16(_mm_setr_epi8(72, 89, 107, 0, 72, 89, 107, 0, 72, 89, 107, 0, 72, 89, 107, 0));
    const __m512i mask = _mm512_set1_epi8(3), twice_raised = _mm512_set1_epi8(-128);
    for (size_t r = 0; r < 4; ++r) {
      const __m512i level = _mm512_and_si512(_mm512_srli_epi16(codes, static_cast<unsigned>(2 * r)), mask);
      const __m512i v = _mm512_shuffle_epi8(levels, level);
      // Elements r % 2 + 4 (r / 2), and 2 more.
      const auto bits = static_cast<short>(0x0401 << (r % 2 + 4 * (r / 2)));
      bytes[r] = _mm512_mask_sub_epi8(v, _mm512_test_epi8_mask(signs, _mm512_set1_epi16(bits)), twice_raised, v);
    }
  }
  // Seven signs a word.
  [[gnu::always_inline]] static __m512i with_eighth_sign(__m512i seven) {
    const __m256i odd = _mm256_setr_epi16(0, -32640, -32640, 0, -32640, 0, 0, -32640,  //
                                          -32640, 0, 0, -32640, 0, -32640, -32640, 0);
    const __m512i halves = _mm512_xor_si512(seven, _mm512_srli_epi16(seven, 4));
    const __m512i eighth = _mm512_permutexvar_epi16(halves, _mm512_broadcast_i64x4(odd));
    return _mm512_or_si512(_mm512_or_si512(seven, _mm512_slli_epi16(seven, 8)), eighth);
  }

  __m512i bytes[4];
  __m512 scales[1];
};

template <quant::TensorType kType>
struct GridBytes;

template <>
struct GridBytes<quant::TensorType::IQ2_XXS> : Iq2Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_XXS);

  static const uint16_t* table() {
    static const Codes<256> kCodes = codes8(quant::kIq2XxsGrid);
    return kCodes.v;
  }
  [[gnu::always_inline]] GridBytes(const std::byte* p, const uint16_t* codes) {
    const auto& block = block_at<quant::BlockIQ2_XXS>(p, 0);
    const __m512i v = _mm512_loadu_si512(block.sub);
    // A sub-block is 8 bytes: four indices, four times seven signs, a scale of four bits.
    const __m512i index =
        _mm512_shuffle_epi8(v, table16(_mm_setr_epi8(0, -1, 1, -1, 2, -1, 3, -1, 8, -1, 9, -1, 10, -1, 11, -1)));
    const __m512i windows =
        _mm512_shuffle_epi8(v, table16(_mm_setr_epi8(4, 5, 4, 5, 5, 6, 6, 7, 12, 13, 12, 13, 13, 14, 14, 15)));
    const __m512i seven =
        _mm512_and_si512(_mm512_srlv_epi16(windows, _mm512_set1_epi64(0x0005000600070000)), _mm512_set1_epi16(127));
    set(look_up<256>(codes, index), with_eighth_sign(seven));
    const float d = half_value(block.d);
    const __m512i words = _mm512_shuffle_epi32(v, static_cast<_MM_PERM_ENUM>(0xf5));
    scales[0] = scales16(_mm512_srli_epi32(words, 28), d / 4, d / 8);
  }
};

template <>
struct GridBytes<quant::TensorType::IQ2_XS> : Iq2Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_XS);

  static const uint16_t* table() {
    static const Codes<512> kCodes = codes8(quant::kIq2XsGrid);
    return kCodes.v;
  }
  [[gnu::always_inline]] GridBytes(const std::byte* p, const uint16_t* codes) {
    const auto& block = block_at<quant::BlockIQ2_XS>(p, 0);
    const __m512i v = _mm512_loadu_si512(block.q);
    set(look_up<512>(codes, v), with_eighth_sign(_mm512_srli_epi16(v, 9)));
    const float d = half_value(block.d);
    scales[0] = scales16(_mm512_cvtepu8_epi32(halves_of_8(block.scales)), d / 4, d / 8);
  }
};

template <>
struct GridBytes<quant::TensorType::IQ2_S> : Iq2Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ2_S);

  static const uint16_t* table() {
    static const Codes<1024> kCodes = codes8(quant::kIq2SGrid);
    return kCodes.v;
  }
  [[gnu::always_inline]] GridBytes(const std::byte* p, const uint16_t* codes) {
    const auto& block = block_at<quant::BlockIQ2_S>(p, 0);
    // A byte has the upper bits of four indices, the first lowest: to bits 8 and 9 of the words.
    const __m512i high = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(block.high)));
    const __m512i in_upper =
        _mm512_shuffle_epi8(high, table16(_mm_setr_epi8(-1, 0, -1, 0, -1, 0, -1, 0, -1, 8, -1, 8, -1, 8, -1, 8)));
    const __m512i two =
        _mm512_and_si512(_mm512_srlv_epi16(in_upper, _mm512_set1_epi64(0x0006000400020000)), _mm512_set1_epi16(0x300));
    const __m512i index = _mm512_or_si512(_mm512_cvtepu8_epi16(load32(block.index)), two);
    const __m512i signs = _mm512_cvtepu8_epi16(load32(block.signs));
    set(look_up<1024>(codes, index), _mm512_or_si512(signs, _mm512_slli_epi16(signs, 8)));
    const float d = half_value(block.d);
    scales[0] = scales16(_mm512_cvtepu8_epi32(halves_of_8(block.scales)), d / 4, d / 8);
  }
};

// ---- IQ3: 64 points of 4 -------------------------------------------------------------------------------------------

struct Iq3Bytes {
  static constexpr Bytes kOrder = Bytes::grids;
  static constexpr bool kHalves = false, kPartial = false;

  // Codes of the even and the odd points, a byte of signs for each 8 elements, and what the 8 levels are, raised, then
  // the negative ones.
  [[gnu::always_inline]] void set(const __m512i codes[2], __m256i signs, __m512i levels) {
    const __m256i spread = _mm256_setr_epi16(0x0000, 0x0008, 0x0080, 0x0088, 0x0800, 0x0808, 0x0880, 0x0888, -0x8000,
                                             -0x7ff8, -0x7f80, -0x7f78, -0x7800, -0x77f8, -0x7780, -0x7778);
    const __m512i table = _mm512_broadcast_i64x4(spread), mask = _mm512_set1_epi8(15);
    const __m512i eight = _mm512_cvtepu8_epi16(signs);
    for (size_t i = 0; i < 2; ++i) {
      const __m512i four = _mm512_permutexvar_epi16(i == 0 ? eight : _mm512_srli_epi16(eight, 4), table);
      const __m512i v = _mm512_or_si512(codes[i], four);
      bytes[2 * i] = _mm512_shuffle_epi8(levels, _mm512_and_si512(v, mask));
      bytes[2 * i + 1] = _mm512_shuffle_epi8(levels, _mm512_and_si512(_mm512_srli_epi16(v, 4), mask));
    }
  }

  __m512i bytes[4];
  __m512 scales[1];
};

template <>
struct GridBytes<quant::TensorType::IQ3_XXS> : Iq3Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ3_XXS);

  static const uint16_t* table() {
    static const Codes<256> kCodes = codes4(quant::kIq3XxsGrid, 3);  // 4, 12 ... 62 in eighths
    return kCodes.v;
  }
  [[gnu::always_inline]] GridBytes(const std::byte* p, const uint16_t* codes) {
    const auto& block = block_at<quant::BlockIQ3_XXS>(p, 0);
    const __m512i v = _mm512_loadu_si512(block.index);
    const __m512i points[2] = {look_up<256>(codes, _mm512_and_si512(v, _mm512_set1_epi16(0xff))),
                               look_up<256>(codes, _mm512_srli_epi16(v, 8))};
    const __m256i words = load32(block.signs_scale);
    set(points, signs_of_28(words),
        table16(_mm_setr_epi8(68, 76, 84, 92, 100, 108, 116, 126, 60, 52, 44, 36, 28, 20, 12, 2)));
    const float d = half_value(block.d);
    scales[0] = scales16(each_twice(_mm256_srli_epi32(words, 28)), d / 2, d / 4);
  }
};

template <>
struct GridBytes<quant::TensorType::IQ3_S> : Iq3Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ3_S);

  static const uint16_t* table() {
    static const Codes<512> kCodes = codes4(quant::kIq3SGrid, 1);  // 1, 3 ... 15 in halves
    return kCodes.v;
  }
  [[gnu::always_inline]] GridBytes(const std::byte* p, const uint16_t* codes) {
    const auto& block = block_at<quant::BlockIQ3_S>(p, 0);
    const __m512i v = _mm512_loadu_si512(block.index);
    const __m512i ninth = _mm512_movm_epi8(load_word<uint64_t>(block.high)), bit = _mm512_set1_epi16(0x100);
    const __m512i even = _mm512_and_si512(v, _mm512_set1_epi16(0xff)), odd = _mm512_srli_epi16(v, 8);
    const __m512i points[2] = {
        look_up<512>(codes, _mm512_or_si512(even, _mm512_and_si512(_mm512_slli_epi16(ninth, 8), bit))),
        look_up<512>(codes, _mm512_or_si512(odd, _mm512_and_si512(ninth, bit)))};
    set(points, load32(block.signs),
        table16(_mm_setr_epi8(65, 67, 69, 71, 73, 75, 77, 79, 63, 61, 59, 57, 55, 53, 51, 49)));
    const float d = half_value(block.d);
    scales[0] = scales16(each_twice(halves_as_words(block.scales)), 2 * d, d);
  }
};

}  // namespace
}  // namespace quipu::kernels
