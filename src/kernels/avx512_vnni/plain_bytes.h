// The types of few bits that are not looked up as those of grid_bytes.h, in the same form: IQ1, whose 2048 points are
// loaded, and those of plain integers.
#pragma once

#include "kernels/avx512_vnni/grid_bytes.h"
#include "kernels/x86/points_plain.h"

namespace quipu::kernels {
namespace {

[[gnu::always_inline]] inline __m512i two_halves(__m256i low, __m256i high) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
[[gnu::always_inline]] inline __m256i two_quarters(__m128i low, __m128i high) {
  return _mm256_set_m128i(high, low);
}

[[gnu::always_inline]] inline __m128i quarter_of(__m512i v, size_t i) {
  const __m256i half = i < 2 ? _mm512_castsi512_si256(v) : _mm512_extracti64x4_epi64(v, 1);
  return i % 2 == 0 ? _mm256_castsi256_si128(half) : _mm256_extracti128_si256(half, 1);
}

// Points in eighths, an eighth more and raised by 16.
using Iq1Table = std::array<uint64_t, 2048>;
inline const Iq1Table& iq1_table() {
  static const Iq1Table kTable = [] {
    Iq1Table table{};
    for (size_t p = 0; p < table.size(); ++p) {
      for (size_t i = 0; i < 8; ++i) {
        const auto v = static_cast<int8_t>(quant::kIq1Grid[p] >> (8 * i) & 255);
        table[p] |= static_cast<uint64_t>(8 * v + 17) << (8 * i);
      }
    }
    return table;
  }();
  return kTable;
}

struct Iq1Bytes {
  static constexpr Bytes kOrder = Bytes::quarters;
  static constexpr bool kPartial = false;
  using Table = Iq1Table;
  static const Table* table() { return &iq1_table(); }

  // Eight words with four times the upper three bits of an index, at distances that `shifts` says, and the lower bits;
  // of each register the quarters whose points are an eighth less, not more.
  [[gnu::always_inline]] void set(const Table& table, __m128i words, __m512i shifts, const uint8_t* low,
                                  const __mmask8 less[4]) {
    const __m512i four_times = _mm512_shuffle_epi8(
        _mm512_cvtepu16_epi64(words), table16(_mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 8, 9, 8, 9, 8, 9, 8, 9)));
    const __m512i upper =
        _mm512_and_si512(_mm512_slli_epi16(_mm512_srlv_epi16(four_times, shifts), 8), _mm512_set1_epi16(0x700));
    const __m512i index = _mm512_or_si512(upper, _mm512_cvtepu8_epi16(load32(low)));
    // Through general registers: loads of 2 bytes from a store of 64 take half as long again.
    uint64_t four_of[8];
    for (size_t i = 0; i < 4; ++i) {
      const __m128i two = quarter_of(index, i);
      four_of[2 * i] = static_cast<uint64_t>(_mm_cvtsi128_si64(two));
      four_of[2 * i + 1] = static_cast<uint64_t>(_mm_extract_epi64(two, 1));
    }
    const __m512i two = _mm512_set1_epi8(2);  // no byte is less, so that none borrows
    for (size_t r = 0; r < 4; ++r) {
      const auto points = [&](size_t b) {
        const auto point = [&](size_t i) {
          return reinterpret_cast<const double*>(&table[static_cast<uint16_t>(four_of[i] >> (16 * r))]);
        };
        return _mm_castpd_si128(_mm_loadh_pd(_mm_load_sd(point(b)), point(b + 1)));
      };
      const __m512i v = two_halves(_mm256_set_m128i(points(2), points(0)), _mm256_set_m128i(points(6), points(4)));
      bytes[r] = _mm512_mask_sub_epi64(v, less[r], v, two);
    }
  }

  __m512i bytes[4];
};

template <>
struct GridBytes<quant::TensorType::IQ1_S> : Iq1Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ1_S);
  static constexpr bool kHalves = false;

  [[gnu::always_inline]] GridBytes(const std::byte* p, const Table* table) {
    const auto& block = block_at<quant::BlockIQ1_S>(p, 0);
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.high));
    const __mmask8 less = _mm_movepi16_mask(words);
    const __mmask8 all[4] = {less, less, less, less};
    set(*table, words, _mm512_set1_epi64(0x0009000600030000), block.index, all);
    const float d = half_value(block.d);
    const __m256i three_bits =
        _mm256_and_si256(_mm256_srli_epi32(_mm256_cvtepu16_epi32(words), 12), _mm256_set1_epi32(7));
    scales[0] = scales16(each_twice(three_bits), d / 4, d / 8);
  }

  __m512 scales[1];
};

template <>
struct GridBytes<quant::TensorType::IQ1_M> : Iq1Bytes {
  static constexpr size_t kBytes = sizeof(quant::BlockIQ1_M);
  static constexpr bool kHalves = true;

  [[gnu::always_inline]] GridBytes(const std::byte* p, const Table* table) {
    const auto& block = block_at<quant::BlockIQ1_M>(p, 0);
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.high));
    __mmask8 less[4];
    for (size_t r = 0; r < 4; ++r) {
      less[r] = _mm_test_epi16_mask(words, _mm_set1_epi16(static_cast<short>(8u << (4 * r))));
    }
    set(*table, words, _mm512_set1_epi64(0x000c000800040000), block.index, less);
    // Word i of four has the scales of sub-blocks 4 i ... 4 i + 3 of 16, of which the even ones are in the first two
    // registers: in lanes 4 i and 4 i + 1, and the next two.
    const auto four_words = load_word<uint64_t>(block.scales);
    const float d = d_of_iq1_m(four_words);
    const __m512i word_of_lane =
        _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(0x80800100)),
                         _mm512_mullo_epi32(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
                                            _mm512_set1_epi32(0x0202)));
    const __m512i lanes = _mm512_shuffle_epi8(_mm512_set1_epi64(static_cast<long long>(four_words)), word_of_lane);
    for (size_t i = 0; i < 2; ++i) {
      const auto first = static_cast<int>(3 * i);
      const __m512i shifts = _mm512_broadcast_i32x4(_mm_setr_epi32(first, first, first + 6, first + 6));
      const __m512i three_bits = _mm512_and_si512(_mm512_srlv_epi32(lanes, shifts), _mm512_set1_epi32(7));
      scales[i] = scales16(three_bits, d / 4, d / 8);
    }
  }

  __m512 scales[2];
};

struct NoTable {
  using Table = void;
  static const void* table() { return nullptr; }
};

template <>
struct GridBytes<quant::TensorType::TQ2_0> : NoTable {
  static constexpr Bytes kOrder = Bytes::planes;
  static constexpr size_t kBytes = sizeof(quant::BlockTQ2_0);
  static constexpr bool kHalves = false, kPartial = false;

  [[gnu::always_inline]] GridBytes(const std::byte* p, const void*) {
    const auto& block = block_at<quant::BlockTQ2_0>(p, 0);
    const __m512i v = _mm512_loadu_si512(block.q), mask = _mm512_set1_epi8(3);
    for (size_t r = 0; r < 4; ++r)
      bytes[r] = _mm512_and_si512(_mm512_srli_epi16(v, static_cast<unsigned>(2 * r)), mask);
    scales[0] = _mm512_set1_ps(half_value(block.d));
  }

  __m512i bytes[4];
  __m512 scales[1];
};

// Digits of three in bytes, the next one up first: 16-bit products bring each up, and have the number as their upper
// half.
struct Digits {
  __m512i even, odd;  // bytes in the upper halves of words

  [[gnu::always_inline]] explicit Digits(__m512i bytes)
      : even(_mm512_slli_epi16(bytes, 8)), odd(_mm512_andnot_si512(_mm512_set1_epi16(255), bytes)) {}
  // 3^k in the words whose digit k is wanted.
  [[gnu::always_inline]] __m512i operator()(__m512i powers) const {
    const __m512i three = _mm512_set1_epi16(3);
    const __m512i a = _mm512_mulhi_epu16(_mm512_mullo_epi16(even, powers), three);
    const __m512i b = _mm512_mulhi_epu16(_mm512_mullo_epi16(odd, powers), three);
    return _mm512_or_si512(a, _mm512_slli_epi16(b, 8));
  }
};

template <>
struct GridBytes<quant::TensorType::TQ1_0> : NoTable {
  static constexpr Bytes kOrder = Bytes::natural;
  static constexpr size_t kBytes = sizeof(quant::BlockTQ1_0);
  static constexpr bool kHalves = false, kPartial = false;

  // Five digits of 32 bytes, then of 16, then four of 4.
  [[gnu::always_inline]] GridBytes(const std::byte* p, const void*) {
    const auto& block = block_at<quant::BlockTQ1_0>(p, 0);
    const __m256i first = load32(block.q);
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.q + 32));
    const __m128i last = _mm_set1_epi32(load_word<int>(block.high));
    const Digits firsts(two_halves(first, first)), mixed(two_halves(first, two_quarters(next, next)));
    const Digits lasts(two_halves(two_quarters(next, next), two_quarters(next, last)));
    const auto half = [](short power) { return _mm256_set1_epi16(power); };
    const auto quarter = [](short power) { return _mm_set1_epi16(power); };
    bytes[0] = firsts(two_halves(half(1), half(3)));
    bytes[1] = firsts(two_halves(half(9), half(27)));
    bytes[2] = mixed(two_halves(half(81), two_quarters(quarter(1), quarter(3))));
    bytes[3] = lasts(two_halves(two_quarters(quarter(9), quarter(27)),
                                two_quarters(quarter(81), _mm_setr_epi16(1, 1, 3, 3, 9, 9, 27, 27))));
    scales[0] = _mm512_set1_ps(half_value(block.d));
  }

  __m512i bytes[4];
  __m512 scales[1];
};

template <>
struct GridBytes<quant::TensorType::Q2_0> : NoTable {
  static constexpr Bytes kOrder = Bytes::fours;
  static constexpr size_t kBytes = 4 * sizeof(quant::BlockQ2_0);
  static constexpr bool kHalves = false, kPartial = true;

  [[gnu::always_inline]] GridBytes(const std::byte* p, const void*) {
    const auto* block = &block_at<quant::BlockQ2_0>(p, 0);
    const auto two = [&](size_t i) {
      return _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block[i + 1].q)),
                              _mm_loadu_si128(reinterpret_cast<const __m128i*>(block[i].q)));
    };
    const __m512i v = _mm512_inserti64x4(_mm512_castsi256_si512(two(0)), two(2), 1), mask = _mm512_set1_epi8(3);
    for (size_t r = 0; r < 4; ++r)
      bytes[r] = _mm512_and_si512(_mm512_srli_epi16(v, static_cast<unsigned>(2 * r)), mask);
    const __m128 d =
        _mm_setr_ps(half_value(block[0].d), half_value(block[1].d), half_value(block[2].d), half_value(block[3].d));
    scales[0] = _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
                                      _mm512_castps128_ps512(d));
  }

  __m512i bytes[4];
  __m512 scales[1];
};

template <>
struct GridBytes<quant::TensorType::Q1_0> : NoTable {
  static constexpr Bytes kOrder = Bytes::natural;
  static constexpr size_t kBytes = 2 * sizeof(quant::BlockQ1_0);
  static constexpr bool kHalves = true, kPartial = true;

  [[gnu::always_inline]] GridBytes(const std::byte* p, const void*) {
    const auto* block = &block_at<quant::BlockQ1_0>(p, 0);
    for (size_t r = 0; r < 4; ++r) {
      bytes[r] = _mm512_maskz_mov_epi8(load_word<uint64_t>(block[r / 2].q + 8 * (r % 2)), _mm512_set1_epi8(2));
    }
    for (size_t i = 0; i < 2; ++i) scales[i] = _mm512_set1_ps(half_value(block[i].d));
  }

  __m512i bytes[4];
  __m512 scales[2];
};

template <>
struct GridBytes<quant::TensorType::NVFP4> : NoTable {
  static constexpr Bytes kOrder = Bytes::halves;
  static constexpr size_t kBytes = 4 * sizeof(quant::BlockNVFP4);
  static constexpr bool kHalves = true, kPartial = true;

  [[gnu::always_inline]] GridBytes(const std::byte* p, const void*) {
    const Points<quant::TensorType::NVFP4> points(p);
    const __m512i levels = table16(_mm_add_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(quant::kFp4Values)),
                                                _mm_set1_epi8(12))),
                  mask = _mm512_set1_epi8(15);
    for (size_t i = 0; i < 2; ++i) {
      const __m512i v = _mm512_inserti64x4(_mm512_castsi256_si512(load32(points.blocks[2 * i].q)),
                                           load32(points.blocks[2 * i + 1].q), 1);
      bytes[2 * i] = _mm512_shuffle_epi8(levels, _mm512_and_si512(v, mask));
      bytes[2 * i + 1] = _mm512_shuffle_epi8(levels, _mm512_and_si512(_mm512_srli_epi16(v, 4), mask));
      scales[i] = _mm512_castsi512_ps(each_twice(_mm256_castps_si256(points.scales[i])));
    }
  }

  __m512i bytes[4];
  __m512 scales[2];
};

}  // namespace
}  // namespace quipu::kernels
