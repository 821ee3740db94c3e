// Weights as 16-bit integers, straight from their blocks, in the orders of packed16.h. AVX-512 F, BW, DQ, VL.
//
// A type is a struct that says its Order and how many bytes 256 elements take, whose constructor reads 256 elements'
// scales, and which gives
//   scales   16 floats: [8 scales, 8 offsets] of blocks of 32, or [16 scales] of blocks of 16
//   offsets  of blocks of 16: 16 floats
//   words(g, w)  the weights of group g, unsigned and without scale: 4 registers of blocks of 32 (2 groups), 2 of
//                blocks of 16 (4 groups)
// Sums of products fit 32 bits by far: 8 products of at most 255 * 32767.
#pragma once

#include "kernels/avx512/decode.h"
#include "kernels/x86/packed16.h"

namespace quipu::kernels {
namespace {

struct alignas(64) WordIndex {
  uint16_t v[32];
};

inline __m512i load_index(const WordIndex& index) {
  return _mm512_load_si512(index.v);
}

// Keeps a register's content from being loaded again where an instruction overwrites it: the loads cross cache lines.
inline __m512i in_register(__m512i v) {
  asm("" : "+v"(v));
  return v;
}

[[gnu::always_inline]] inline void split_nibbles(__m512i bytes, __m512i& even_low, __m512i& odd_low, __m512i& even_high,
                                                 __m512i& odd_high) {
  const __m512i mask = _mm512_set1_epi16(15);
  even_low = _mm512_and_si512(bytes, mask);
  odd_low = _mm512_and_si512(_mm512_srli_epi16(bytes, 8), mask);
  even_high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
  odd_high = _mm512_srli_epi16(bytes, 12);
}

// ---- blocks of 32 -----------------------------------------------------------------------------------------------

// Four blocks of at most 32 bytes in two registers: the second takes up what stands behind the first 64 bytes.
struct Raw {
  __m512i low, high;
};

// The first n_blocks of the four blocks at p, zeros beyond them.
template <size_t kBlockBytes>
[[gnu::always_inline]] inline Raw load_blocks(const std::byte* p, size_t n_blocks) {
  static_assert(4 * kBlockBytes > 64 && 4 * kBlockBytes <= 96 && kBlockBytes % 2 == 0);
  if (n_blocks >= 4) {
    const __m256i rest = _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << (2 * kBlockBytes - 32)) - 1), p + 64);
    return {in_register(_mm512_loadu_si512(p)), _mm512_castsi256_si512(rest)};
  }
  const size_t words = n_blocks * kBlockBytes / 2;
  const __m512i rest = _mm512_maskz_loadu_epi16(first32(words > 32 ? words - 32 : 0), p + 64);
  return {in_register(_mm512_maskz_loadu_epi16(first32(words), p)), rest};
}

// Lane i of quarter b: word kOffset / 2 + i of block b, of the first kBlocks; then the next 8 words of them.
template <size_t kBlockBytes, size_t kOffset, size_t kBlocks = 4>
constexpr WordIndex words_of_blocks() {
  WordIndex index{};
  for (size_t i = 0; i < 32; ++i) {
    const size_t piece = i / 8 / kBlocks, block = i / 8 % kBlocks;
    index.v[i] = static_cast<uint16_t>((block * kBlockBytes + kOffset) / 2 + 8 * piece + i % 8);
  }
  return index;
}

// Word kOffset / 2 of block b in every lane of quarter b.
template <size_t kBlockBytes, size_t kOffset>
constexpr WordIndex word_of_blocks() {
  WordIndex index{};
  for (size_t i = 0; i < 32; ++i) index.v[i] = static_cast<uint16_t>((i / 8 * kBlockBytes + kOffset) / 2);
  return index;
}

// Of eight blocks, word kFirst / 2 and then word kSecond / 2; the second four start in register kNextRegister.
template <size_t kBlockBytes, size_t kFirst, size_t kSecond, size_t kNextRegister>
constexpr WordIndex scales_of_blocks() {
  WordIndex index{};
  for (size_t i = 0; i < 16; ++i) {
    const size_t offset = i < 8 ? kFirst : kSecond;
    index.v[i] = static_cast<uint16_t>(i % 8 / 4 * 32 * kNextRegister + (i % 4 * kBlockBytes + offset) / 2);
  }
  return index;
}

[[gnu::always_inline]] inline __m512i pick(const Raw& raw, const WordIndex& index) {
  return _mm512_permutex2var_epi16(raw.low, load_index(index), raw.high);
}

// Q4_0, Q4_1, Q5_0, Q5_1: scale, then perhaps minimum, then perhaps 4 bytes of fifth bits, then 16 bytes of nibbles.
template <bool kMin, bool kFifth>
struct Blocks32 {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBlockBytes = 18 + (kMin ? 2 : 0) + (kFifth ? 4 : 0);
  static constexpr size_t kBytes = 8 * kBlockBytes;

  // The first n_blocks (1..8) at p.
  [[gnu::always_inline]] Blocks32(const std::byte* p, size_t n_blocks) {
    raw[0] = load_blocks<kBlockBytes>(p, n_blocks);
    raw[1] = n_blocks > 4 ? load_blocks<kBlockBytes>(p + 4 * kBlockBytes, n_blocks - 4) : Raw{};
    scales = _mm512_cvtph_ps(scale_halves());
    if constexpr (!kMin) scales = _mm512_mask_mul_ps(scales, 0xff00, scales, _mm512_set1_ps(kFifth ? -16 : -8));
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const {
    static constexpr WordIndex kIndex = words_of_blocks<kBlockBytes, kNibbles>();
    split_nibbles(pick(raw[g], kIndex), w[0], w[1], w[2], w[3]);
    if constexpr (kFifth) add_fifth_bits(g, w);
  }

  Raw raw[2];
  __m512 scales;

 private:
  static constexpr size_t kHigh = kMin ? 4 : 2;
  static constexpr size_t kNibbles = kHigh + (kFifth ? 4 : 0);

  [[nodiscard, gnu::always_inline]] __m256i scale_halves() const {
    constexpr size_t kSecond = kMin ? 2 : 0;
    if constexpr (3 * kBlockBytes + kSecond + 2 <= 64) {  // all in the first register of each four blocks
      static constexpr WordIndex kIndex = scales_of_blocks<kBlockBytes, 0, kSecond, 1>();
      return _mm512_castsi512_si256(pick({raw[0].low, raw[1].low}, kIndex));
    } else {
      static constexpr WordIndex kIndex = scales_of_blocks<kBlockBytes, 0, kSecond, 0>();
      return _mm256_mask_blend_epi16(0xf0f0, _mm512_castsi512_si256(pick(raw[0], kIndex)),
                                     _mm512_castsi512_si256(pick(raw[1], kIndex)));
    }
  }

  // Fifth bit of element i: bit i of a 32-bit number. Lane i of a quarter holds element 2 i, or 1, 16 or 17 more.
  [[gnu::always_inline]] void add_fifth_bits(size_t g, __m512i w[4]) const {
    static constexpr WordIndex kLow = word_of_blocks<kBlockBytes, kHigh>();
    static constexpr WordIndex kUpper = word_of_blocks<kBlockBytes, kHigh + 2>();
    const __m512i even =
        _mm512_broadcast_i32x4(_mm_setr_epi16(1 << 0, 1 << 2, 1 << 4, 1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14));
    const __m512i odd = _mm512_slli_epi16(even, 1), sixteen = _mm512_set1_epi16(16);
    const __m512i low = pick(raw[g], kLow), upper = pick(raw[g], kUpper);
    w[0] = _mm512_mask_add_epi16(w[0], _mm512_test_epi16_mask(low, even), w[0], sixteen);
    w[1] = _mm512_mask_add_epi16(w[1], _mm512_test_epi16_mask(low, odd), w[1], sixteen);
    w[2] = _mm512_mask_add_epi16(w[2], _mm512_test_epi16_mask(upper, even), w[2], sixteen);
    w[3] = _mm512_mask_add_epi16(w[3], _mm512_test_epi16_mask(upper, odd), w[3], sixteen);
  }
};
using BlocksQ4_0 = Blocks32<false, false>;
using BlocksQ4_1 = Blocks32<true, false>;
using BlocksQ5_0 = Blocks32<false, true>;
using BlocksQ5_1 = Blocks32<true, true>;

// The scales of four Q8_0 blocks, two of which start in each of two registers.
constexpr WordIndex scales_of_pairs() {
  WordIndex index{};
  for (size_t i = 0; i < 8; ++i) index.v[i] = static_cast<uint16_t>(i % 4 / 2 * 32 + i % 2 * 17);
  return index;
}

struct BlocksQ8_0 {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBlockBytes = 34;
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] BlocksQ8_0(const std::byte* p, size_t n_blocks) {
    static constexpr WordIndex kIndex = scales_of_pairs();
    for (size_t i = 0; i < 4; ++i) {  // two blocks are 34 words
      const size_t words = n_blocks > 2 * i ? (n_blocks - 2 * i) * kBlockBytes / 2 : 0;
      const std::byte* two = p + 2 * i * kBlockBytes;
      if (words >= 34) {
        pairs[i] = {in_register(_mm512_loadu_si512(two)), _mm512_castsi128_si512(_mm_loadu_si32(two + 64))};
      } else {
        pairs[i] = {in_register(_mm512_maskz_loadu_epi16(first32(words), two)), _mm512_setzero_si512()};
      }
    }
    const __m512i first = pick({pairs[0].low, pairs[1].low}, kIndex),
                  second = pick({pairs[2].low, pairs[3].low}, kIndex);
    scales =
        _mm512_cvtph_ps(_mm256_mask_blend_epi16(0xf0, _mm512_castsi512_si256(first), _mm512_castsi512_si256(second)));
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const {
    static constexpr WordIndex kIndex = words_of_blocks<kBlockBytes, 2, 2>();
    // Quarters: the first 16 bytes of two blocks, the other 16 bytes of them.
    const __m512i two = pick(pairs[2 * g], kIndex), next = pick(pairs[2 * g + 1], kIndex);
    const __m512i low = _mm512_shuffle_i32x4(two, next, 0x44), upper = _mm512_shuffle_i32x4(two, next, 0xee);
    w[0] = _mm512_srai_epi16(_mm512_slli_epi16(low, 8), 8);
    w[1] = _mm512_srai_epi16(low, 8);
    w[2] = _mm512_srai_epi16(_mm512_slli_epi16(upper, 8), 8);
    w[3] = _mm512_srai_epi16(upper, 8);
  }

  Raw pairs[4];
  __m512 scales;
};

// 64 bytes of nibbles to the levels of a table: those of the low halves, then of the high ones, even bytes first.
[[gnu::always_inline]] inline void split_levels(__m512i bytes, const int8_t* levels, __m512i w[4]) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(bytes, mask));
  const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask));
  w[0] = _mm512_srai_epi16(_mm512_slli_epi16(low, 8), 8);
  w[1] = _mm512_srai_epi16(low, 8);
  w[2] = _mm512_srai_epi16(_mm512_slli_epi16(high, 8), 8);
  w[3] = _mm512_srai_epi16(high, 8);
}

// The same bytes as Q4_0.
struct BlocksIQ4_NL : BlocksQ4_0 {
  static constexpr bool kHasOffsets = false;

  using BlocksQ4_0::BlocksQ4_0;
  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const {
    static constexpr WordIndex kIndex = words_of_blocks<kBlockBytes, 2>();
    split_levels(pick(raw[g], kIndex), quant::kIq4Values, w);
  }
};

struct BlocksMXFP4 {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBlockBytes = sizeof(quant::BlockMXFP4);
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] BlocksMXFP4(const std::byte* p, size_t n_blocks) {
    alignas(32) float scale[8] = {};
    for (size_t i = 0; i < n_blocks; ++i) scale[i] = mxfp4_scale(block_at<quant::BlockMXFP4>(p, i).e);
    scales = _mm512_castps256_ps512(_mm256_load_ps(scale));
    const auto load = [&](size_t i) {
      return i < n_blocks ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i * kBlockBytes + 1))
                          : _mm_setzero_si128();
    };
    for (size_t g = 0; g < 2; ++g) {
      const __m256i low = _mm256_set_m128i(load(4 * g + 1), load(4 * g));
      nibbles[g] =
          _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_set_m128i(load(4 * g + 3), load(4 * g + 2)), 1);
    }
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const { split_levels(nibbles[g], quant::kFp4Values, w); }

  __m512i nibbles[2];
  __m512 scales;
};

// ---- super-blocks of 256 ----------------------------------------------------------------------------------------

inline uint32_t load_u32(const void* p) {
  uint32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline __m128i load16(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline __m512 bytes_to_floats(__m128i v) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(v));
}

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits to [8 scales, 8 offsets].
[[gnu::always_inline]] inline __m512 scales_offsets_k4(const uint8_t* packed, float d, float dmin) {
  const uint32_t a = load_u32(packed), b = load_u32(packed + 4), c = load_u32(packed + 8);
  const uint32_t upper_scales = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
  const uint32_t upper_mins = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
  const uint64_t scales = (a & 0x3f3f3f3fu) | static_cast<uint64_t>(upper_scales) << 32;
  const uint64_t mins = (b & 0x3f3f3f3fu) | static_cast<uint64_t>(upper_mins) << 32;
  const __m128i both = _mm_set_epi64x(static_cast<long long>(mins), static_cast<long long>(scales));
  return _mm512_mul_ps(bytes_to_floats(both), _mm512_mask_broadcastss_ps(_mm512_set1_ps(d), 0xff00, _mm_set_ss(-dmin)));
}

struct BlocksQ4_K {
  static constexpr Order kOrder = Order::nibbles32;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 144;

  [[gnu::always_inline]] BlocksQ4_K(const std::byte* p, size_t) {
    const auto& block = block_at<quant::BlockQ4_K>(p, 0);
    scales = scales_offsets_k4(block.scales, half_value(block.d), half_value(block.dmin));
    // Bytes 32 j ... 32 j + 31 are sub-blocks 2 j and 2 j + 1: quarters of elements 0..15 of each, and of 16..31.
    const __m512i a = _mm512_loadu_si512(block.q), b = _mm512_loadu_si512(block.q + 64);
    nibbles[0] = _mm512_shuffle_i32x4(a, b, 0x88);
    nibbles[1] = _mm512_shuffle_i32x4(a, b, 0xdd);
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const {
    const __m512i mask = _mm512_set1_epi16(15);
    for (size_t half = 0; half < 2; ++half) {
      const __m512i v = nibbles[half];
      w[2 * half] = _mm512_and_si512(g == 0 ? v : _mm512_srli_epi16(v, 4), mask);
      w[2 * half + 1] = g == 0 ? _mm512_and_si512(_mm512_srli_epi16(v, 8), mask) : _mm512_srli_epi16(v, 12);
    }
  }

  __m512i nibbles[2];
  __m512 scales;
};

struct BlocksQ5_K {
  static constexpr Order kOrder = Order::nibbles32;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 176;

  [[gnu::always_inline]] BlocksQ5_K(const std::byte* p, size_t) {
    const auto& block = block_at<quant::BlockQ5_K>(p, 0);
    scales = scales_offsets_k4(block.scales, half_value(block.d), half_value(block.dmin));
    const __m512i a = _mm512_loadu_si512(block.q), b = _mm512_loadu_si512(block.q + 64);
    nibbles[0] = _mm512_shuffle_i32x4(a, b, 0x88);
    nibbles[1] = _mm512_shuffle_i32x4(a, b, 0xdd);
    high[0] = _mm512_broadcast_i32x4(load16(block.high));
    high[1] = _mm512_broadcast_i32x4(load16(block.high + 16));
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const {
    // Bit c of a byte belongs to sub-block c; quarter i of group g is sub-block 2 i + g.
    const __m512i first =
        _mm512_setr_epi64(0x0001000100010001, 0x0001000100010001, 0x0004000400040004, 0x0004000400040004,
                          0x0010001000100010, 0x0010001000100010, 0x0040004000400040, 0x0040004000400040);
    const __m512i even = g == 0 ? first : _mm512_slli_epi16(first, 1), odd = _mm512_slli_epi16(even, 8);
    const __m512i mask = _mm512_set1_epi16(15), sixteen = _mm512_set1_epi16(16);
    for (size_t half = 0; half < 2; ++half) {
      const __m512i v = nibbles[half], h = high[half];
      const __m512i a = _mm512_and_si512(g == 0 ? v : _mm512_srli_epi16(v, 4), mask);
      const __m512i b = g == 0 ? _mm512_and_si512(_mm512_srli_epi16(v, 8), mask) : _mm512_srli_epi16(v, 12);
      w[2 * half] = _mm512_mask_add_epi16(a, _mm512_test_epi16_mask(h, even), a, sixteen);
      w[2 * half + 1] = _mm512_mask_add_epi16(b, _mm512_test_epi16_mask(h, odd), b, sixteen);
    }
  }

  __m512i nibbles[2], high[2];
  __m512 scales;
};

struct BlocksIQ4_XS {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBytes = sizeof(quant::BlockIQ4_XS);

  [[gnu::always_inline]] BlocksIQ4_XS(const std::byte* p, size_t) : block(block_at<quant::BlockIQ4_XS>(p, 0)) {
    const __m256 d = _mm256_set1_ps(half_value(block.d));
    scales = _mm512_castps256_ps512(_mm256_mul_ps(scales_of_iq4_xs(block), d));
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[4]) const {
    split_levels(_mm512_loadu_si512(block.q + 64 * g), quant::kIq4Values, w);
  }

  const quant::BlockIQ4_XS& block;
  __m512 scales;
};

struct BlocksQ6_K {
  static constexpr Order kOrder = Order::nibbles16;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 210;

  [[gnu::always_inline]] BlocksQ6_K(const std::byte* p, size_t) : block(block_at<quant::BlockQ6_K>(p, 0)) {
    const __m512 s = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16(block.scales)));
    scales = _mm512_mul_ps(s, _mm512_set1_ps(half_value(block.d)));
    offsets = _mm512_mul_ps(scales, _mm512_set1_ps(-32));
  }

  // Group g is 64 elements: the low (g even) or high halves of 64 bytes, with two bits each from the low or the upper
  // half of 32 other bytes.
  [[gnu::always_inline]] void words(size_t g, __m512i w[2]) const {
    constexpr int kOrOfAnd = 0xf8;  // a | (b & c)
    const __m512i v = _mm512_loadu_si512(block.q + 64 * (g / 2));
    const __m512i high = _mm512_broadcast_i64x4(load32(block.high + 32 * (g / 2)));
    const __m512i low4 = _mm512_and_si512(g % 2 == 0 ? v : _mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
    // To bits 4 and 5 of the same byte: from 0 and 1, 2 and 3 (halves of even g), or 4 and 5, 6 and 7 (of odd g).
    const __m512i shift =
        g % 2 == 0 ? _mm512_setr_epi64(0x0004000400040004, 0x0004000400040004, 0x0004000400040004, 0x0004000400040004,
                                       0x0002000200020002, 0x0002000200020002, 0x0002000200020002, 0x0002000200020002)
                   : _mm512_setr_epi64(0, 0, 0, 0, 0x0002000200020002, 0x0002000200020002, 0x0002000200020002,
                                       0x0002000200020002);
    const __m512i top2 = g % 2 == 0 ? _mm512_sllv_epi16(high, shift) : _mm512_srlv_epi16(high, shift);
    const __m512i q = _mm512_ternarylogic_epi32(low4, top2, _mm512_set1_epi8(0x30), kOrOfAnd);
    w[0] = _mm512_and_si512(q, _mm512_set1_epi16(0xff));
    w[1] = _mm512_srli_epi16(q, 8);
  }

  const quant::BlockQ6_K& block;
  __m512 scales, offsets;
};

struct BlocksQ2_K {
  static constexpr Order kOrder = Order::two_bits16;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 84;

  [[gnu::always_inline]] BlocksQ2_K(const std::byte* p, size_t) {
    const auto& block = block_at<quant::BlockQ2_K>(p, 0);
    const __m128i s = load16(block.scales), low4 = _mm_set1_epi8(15);
    scales = _mm512_mul_ps(bytes_to_floats(_mm_and_si128(s, low4)), _mm512_set1_ps(half_value(block.d)));
    const __m512 mins = bytes_to_floats(_mm_and_si128(_mm_srli_epi16(s, 4), low4));
    offsets = _mm512_mul_ps(mins, _mm512_set1_ps(-half_value(block.dmin)));
    q = _mm512_loadu_si512(block.q);
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[2]) const {
    const __m512i mask = _mm512_set1_epi16(3);
    w[0] = _mm512_and_si512(_mm512_srli_epi16(q, static_cast<unsigned>(2 * g)), mask);
    w[1] = _mm512_and_si512(_mm512_srli_epi16(q, static_cast<unsigned>(2 * g + 8)), mask);
  }

  __m512i q;
  __m512 scales, offsets;
};

struct BlocksQ3_K {
  static constexpr Order kOrder = Order::two_bits16;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 110;

  [[gnu::always_inline]] BlocksQ3_K(const std::byte* p, size_t) {
    const auto& block = block_at<quant::BlockQ3_K>(p, 0);
    const uint32_t a = load_u32(block.scales), b = load_u32(block.scales + 4), c = load_u32(block.scales + 8);
    constexpr uint32_t kLow = 0x0f0f0f0fu, kTop = 0x30303030u;
    const uint64_t first = ((a & kLow) | ((c << 4) & kTop)) | static_cast<uint64_t>((b & kLow) | ((c << 2) & kTop))
                                                                  << 32;
    const uint64_t second =
        (((a >> 4) & kLow) | (c & kTop)) | static_cast<uint64_t>(((b >> 4) & kLow) | ((c >> 2) & kTop)) << 32;
    const __m128i s = _mm_set_epi64x(static_cast<long long>(second), static_cast<long long>(first));
    const __m512i centred = _mm512_sub_epi32(_mm512_cvtepu8_epi32(s), _mm512_set1_epi32(32));
    scales = _mm512_mul_ps(_mm512_cvtepi32_ps(centred), _mm512_set1_ps(half_value(block.d)));
    offsets = _mm512_mul_ps(scales, _mm512_set1_ps(-4));
    q = _mm512_loadu_si512(block.q);
    high = _mm512_broadcast_i64x4(load32(block.high));
  }

  [[gnu::always_inline]] void words(size_t g, __m512i w[2]) const {
    // Bit g of a byte belongs to elements of the first 128, bit 4 + g to those of the others.
    const __m512i bit = _mm512_inserti64x4(_mm512_set1_epi16(static_cast<short>(1 << g)),
                                           _mm256_set1_epi16(static_cast<short>(16 << g)), 1);
    const __m512i mask = _mm512_set1_epi16(3), four = _mm512_set1_epi16(4);
    const __m512i a = _mm512_and_si512(_mm512_srli_epi16(q, static_cast<unsigned>(2 * g)), mask);
    const __m512i b = _mm512_and_si512(_mm512_srli_epi16(q, static_cast<unsigned>(2 * g + 8)), mask);
    w[0] = _mm512_mask_add_epi16(a, _mm512_test_epi16_mask(high, bit), a, four);
    w[1] = _mm512_mask_add_epi16(b, _mm512_test_epi16_mask(high, _mm512_slli_epi16(bit, 8)), b, four);
  }

  __m512i q, high;
  __m512 scales, offsets;
};

}  // namespace
}  // namespace quipu::kernels
