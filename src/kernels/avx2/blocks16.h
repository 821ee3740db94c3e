// Weights as 16-bit integers, straight from their blocks, in the orders of packed16.h: AVX2. A register holds half of
// what packed16.h calls a register: quarters 0 and 1, or 2 and 3.
//
// A type is a struct that says its Order and how many bytes 256 elements take, whose constructor reads the scales and
// offsets of 256 elements, and which gives
//   words(g, h, w)  half h of the registers of group g, unsigned and without scale: 4 of blocks of 32, 2 of blocks of
//   16
//   word_scales     the scales of words(), where those are multiples of q: bits that stay where they are need no shift
// Sums of products fit 32 bits by far: 8 products of at most 448 * 32767.
#pragma once

#include "kernels/avx2/decode.h"
#include "kernels/x86/packed16.h"

namespace quipu::kernels {
namespace {

inline __m128i load16(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline __m256i load16_twice(const void* low, const void* high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(low)), load16(high), 1);
}
inline uint32_t load_u32(const void* p) {
  uint32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline __m256 bytes_to_floats(__m128i v) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v));
}

[[gnu::always_inline]] inline void split_nibbles(__m256i bytes, __m256i w[4]) {
  const __m256i mask = _mm256_set1_epi16(15);
  w[0] = _mm256_and_si256(bytes, mask);
  w[1] = _mm256_and_si256(_mm256_srli_epi16(bytes, 8), mask);
  w[2] = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
  w[3] = _mm256_srli_epi16(bytes, 12);
}

// `value` in the lanes of w whose bit of `bits` is set.
inline __m256i add_where(__m256i w, __m256i bits, __m256i bit, __m256i value) {
  return _mm256_or_si256(w, _mm256_and_si256(_mm256_cmpeq_epi16(_mm256_and_si256(bits, bit), bit), value));
}

// The binary16 numbers kStride bytes apart from p on: put together in registers, since a load waits for smaller stores.
template <size_t kStride>
[[gnu::always_inline]] inline __m256 halves(const std::byte* p) {
  const auto four = [p](size_t first) {
    uint64_t bits = 0;
    for (size_t i = 0; i < 4; ++i) {
      uint16_t half;
      __builtin_memcpy(&half, p + (first + i) * kStride, sizeof half);
      bits |= static_cast<uint64_t>(half) << (16 * i);
    }
    return static_cast<long long>(bits);
  };
  return _mm256_cvtph_ps(_mm_set_epi64x(four(4), four(0)));
}

// Q4_0, Q4_1, Q5_0, Q5_1: scale, then perhaps minimum, then perhaps 4 bytes of fifth bits, then 16 bytes of nibbles.
template <bool kMin, bool kFifth>
struct Blocks32 {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBlockBytes = 18 + (kMin ? 2 : 0) + (kFifth ? 4 : 0);
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit Blocks32(const std::byte* p) : blocks(p), scales{halves<kBlockBytes>(p)} {
    if constexpr (kMin) {
      offsets[0] = halves<kBlockBytes>(p + 2);
    } else {
      offsets[0] = _mm256_mul_ps(scales[0], _mm256_set1_ps(kFifth ? -16 : -8));
    }
  }

  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[4]) const {
    const std::byte* a = blocks + (4 * g + 2 * h) * kBlockBytes;
    const std::byte* b = a + kBlockBytes;
    split_nibbles(load16_twice(a + kNibbles, b + kNibbles), w);
    if constexpr (kFifth) {
      // Bit i of a 32-bit number is that of element i. Lane i holds element 2 i, or 1, 16 or 17 more.
      const uint32_t high_a = load_u32(a + kHigh), high_b = load_u32(b + kHigh);
      const __m256i low = both(high_a, high_b), upper = both(high_a >> 16, high_b >> 16);
      const __m256i even = _mm256_broadcastsi128_si256(
          _mm_setr_epi16(1 << 0, 1 << 2, 1 << 4, 1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14));
      const __m256i odd = _mm256_slli_epi16(even, 1), sixteen = _mm256_set1_epi16(16);
      w[0] = add_where(w[0], low, even, sixteen);
      w[1] = add_where(w[1], low, odd, sixteen);
      w[2] = add_where(w[2], upper, even, sixteen);
      w[3] = add_where(w[3], upper, odd, sixteen);
    }
  }

  const std::byte* blocks;
  __m256 scales[1], offsets[1];

 private:
  static constexpr size_t kHigh = kMin ? 4 : 2;
  static constexpr size_t kNibbles = kHigh + (kFifth ? 4 : 0);
  static __m256i both(uint32_t a, uint32_t b) {
    return _mm256_set_m128i(_mm_set1_epi16(static_cast<short>(b)), _mm_set1_epi16(static_cast<short>(a)));
  }
};
using BlocksQ4_0 = Blocks32<false, false>;
using BlocksQ4_1 = Blocks32<true, false>;
using BlocksQ5_0 = Blocks32<false, true>;
using BlocksQ5_1 = Blocks32<true, true>;

struct BlocksQ8_0 {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBlockBytes = 34;
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit BlocksQ8_0(const std::byte* p) : blocks(p), scales{halves<kBlockBytes>(p)} {}

  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[4]) const {
    const std::byte* a = blocks + (4 * g + 2 * h) * kBlockBytes + 2;
    const __m256i low = load16_twice(a, a + kBlockBytes), upper = load16_twice(a + 16, a + kBlockBytes + 16);
    w[0] = _mm256_srai_epi16(_mm256_slli_epi16(low, 8), 8);
    w[1] = _mm256_srai_epi16(low, 8);
    w[2] = _mm256_srai_epi16(_mm256_slli_epi16(upper, 8), 8);
    w[3] = _mm256_srai_epi16(upper, 8);
  }

  const std::byte* blocks;
  __m256 scales[1], offsets[1];
};

// 32 bytes of nibbles to the levels of a table: those of the low halves, then of the high ones, even bytes first.
[[gnu::always_inline]] inline void split_levels(__m256i bytes, const int8_t* levels, __m256i w[4]) {
  const __m256i table = levels16(levels), mask = _mm256_set1_epi8(15);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask));
  const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask));
  w[0] = _mm256_srai_epi16(_mm256_slli_epi16(low, 8), 8);
  w[1] = _mm256_srai_epi16(low, 8);
  w[2] = _mm256_srai_epi16(_mm256_slli_epi16(high, 8), 8);
  w[3] = _mm256_srai_epi16(high, 8);
}

struct BlocksIQ4_NL {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBlockBytes = 18;
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit BlocksIQ4_NL(const std::byte* p) : blocks(p), scales{halves<kBlockBytes>(p)} {}

  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[4]) const {
    const std::byte* q = blocks + (4 * g + 2 * h) * kBlockBytes + 2;
    split_levels(load16_twice(q, q + kBlockBytes), quant::kIq4Values, w);
  }

  const std::byte* blocks;
  __m256 scales[1];
};

struct BlocksIQ4_XS {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBytes = sizeof(quant::BlockIQ4_XS);

  [[gnu::always_inline]] explicit BlocksIQ4_XS(const std::byte* p) : block(block_at<quant::BlockIQ4_XS>(p, 0)) {
    scales[0] = _mm256_mul_ps(scales_of_iq4_xs(block), _mm256_set1_ps(half_value(block.d)));
  }

  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[4]) const {
    split_levels(load32(block.q + 64 * g + 32 * h), quant::kIq4Values, w);
  }

  const quant::BlockIQ4_XS& block;
  __m256 scales[1];
};

struct BlocksMXFP4 {
  static constexpr Order kOrder = Order::blocks32;
  static constexpr bool kHasOffsets = false;
  static constexpr size_t kBlockBytes = sizeof(quant::BlockMXFP4);
  static constexpr size_t kBytes = 8 * kBlockBytes;

  [[gnu::always_inline]] explicit BlocksMXFP4(const std::byte* p) : blocks(p) {
    alignas(32) float scale[8];
    for (size_t i = 0; i < 8; ++i) scale[i] = mxfp4_scale(block_at<quant::BlockMXFP4>(p, i).e);
    scales[0] = _mm256_load_ps(scale);
  }

  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[4]) const {
    const std::byte* q = blocks + (4 * g + 2 * h) * kBlockBytes + 1;
    split_levels(load16_twice(q, q + kBlockBytes), quant::kFp4Values, w);
  }

  const std::byte* blocks;
  __m256 scales[1];
};

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits.
template <class Block>
[[gnu::always_inline]] inline void scales_offsets_k4(const Block& block, __m256& scales, __m256& offsets) {
  const uint32_t a = load_u32(block.scales), b = load_u32(block.scales + 4), c = load_u32(block.scales + 8);
  const uint32_t upper_scales = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
  const uint32_t upper_mins = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
  const uint64_t s = (a & 0x3f3f3f3fu) | static_cast<uint64_t>(upper_scales) << 32;
  const uint64_t m = (b & 0x3f3f3f3fu) | static_cast<uint64_t>(upper_mins) << 32;
  scales =
      _mm256_mul_ps(bytes_to_floats(_mm_cvtsi64_si128(static_cast<long long>(s))), _mm256_set1_ps(half_value(block.d)));
  offsets = _mm256_mul_ps(bytes_to_floats(_mm_cvtsi64_si128(static_cast<long long>(m))),
                          _mm256_set1_ps(-half_value(block.dmin)));
}

template <class Block, bool kFifth>
struct BlocksK45 {
  static constexpr Order kOrder = Order::nibbles32;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = sizeof(Block);

  [[gnu::always_inline]] explicit BlocksK45(const std::byte* p) : block(block_at<Block>(p, 0)) {
    scales_offsets_k4(block, scales[0], offsets[0]);
  }

  // Quarter i of group g is sub-block 2 i + g: the low or high halves of bytes 32 i ... 32 i + 31.
  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[4]) const {
    const __m256i mask = _mm256_set1_epi16(15);
    for (size_t half = 0; half < 2; ++half) {
      const uint8_t* q = block.q + 64 * h + 16 * half;
      const __m256i v = load16_twice(q, q + 32);
      w[2 * half] = _mm256_and_si256(g == 0 ? v : _mm256_srli_epi16(v, 4), mask);
      w[2 * half + 1] = g == 0 ? _mm256_and_si256(_mm256_srli_epi16(v, 8), mask) : _mm256_srli_epi16(v, 12);
    }
    if constexpr (kFifth) {
      // Bit c of a byte belongs to sub-block c: 4 h + g, then 2 more. Moved up by 4 it is 16 at least.
      const auto low = static_cast<short>(16u << (4 * h + g)), upper = static_cast<short>(64u << (4 * h + g));
      const __m256i bit = _mm256_set_m128i(_mm_set1_epi16(upper), _mm_set1_epi16(low));
      const __m256i sixteen = _mm256_set1_epi16(16);
      const auto fifth = [&](__m256i bits) { return _mm256_min_epu16(_mm256_and_si256(bits, bit), sixteen); };
      for (size_t half = 0; half < 2; ++half) {
        const __m256i high = _mm256_broadcastsi128_si256(load16(block.high + 16 * half));
        w[2 * half] = _mm256_or_si256(w[2 * half], fifth(_mm256_slli_epi16(high, 4)));
        w[2 * half + 1] = _mm256_or_si256(w[2 * half + 1], fifth(_mm256_srli_epi16(high, 4)));
      }
    }
  }

  const Block& block;
  __m256 scales[1], offsets[1];
};
using BlocksQ4_K = BlocksK45<quant::BlockQ4_K, false>;
using BlocksQ5_K = BlocksK45<quant::BlockQ5_K, true>;

struct BlocksQ6_K {
  using Block = quant::BlockQ6_K;
  static constexpr Order kOrder = Order::nibbles16;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 210;

  [[gnu::always_inline]] explicit BlocksQ6_K(const std::byte* p) : block(block_at<quant::BlockQ6_K>(p, 0)) {
    const __m256 d = _mm256_set1_ps(half_value(block.d));
    const __m128i s = integer_scales(block);
    for (size_t i = 0; i < 2; ++i) {
      const __m128i bytes = i == 0 ? s : _mm_unpackhi_epi64(s, s);
      scales[i] = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), d);
      offsets[i] = _mm256_mul_ps(scales[i], _mm256_set1_ps(-32));
    }
  }

  // As signed bytes, without d.
  static __m128i integer_scales(const quant::BlockQ6_K& block) { return load16(block.scales); }

  // Half h of group g is elements 64 g + 32 h ... + 31: low or high halves of 32 bytes, two bits of 32 others.
  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[2]) const {
    const __m256i v = load32(block.q + 64 * (g / 2) + 32 * h), high = load32(block.high + 32 * (g / 2));
    const __m256i low4 = _mm256_and_si256(g % 2 == 0 ? v : _mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
    const auto from = static_cast<int>(4 * (g % 2) + 2 * h);  // bits 0, 2, 4, 6 to bit 4
    const __m256i moved = from <= 4 ? _mm256_slli_epi16(high, 4 - from) : _mm256_srli_epi16(high, from - 4);
    const __m256i q = _mm256_or_si256(low4, _mm256_and_si256(moved, _mm256_set1_epi8(0x30)));
    w[0] = _mm256_and_si256(q, _mm256_set1_epi16(0xff));
    w[1] = _mm256_srli_epi16(q, 8);
  }

  const quant::BlockQ6_K& block;
  __m256 scales[2], offsets[2];
};

// Of the words of group g, 4^g times as large: sub-blocks 2 g and 2 g + 1 of each 8.
[[gnu::always_inline]] inline __m256 of_shifted_pairs() {
  return _mm256_setr_ps(1, 1, 0x1p-2f, 0x1p-2f, 0x1p-4f, 0x1p-4f, 0x1p-6f, 0x1p-6f);
}

struct BlocksQ2_K {
  static constexpr Order kOrder = Order::two_bits16;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 84;

  [[gnu::always_inline]] explicit BlocksQ2_K(const std::byte* p) : block(block_at<quant::BlockQ2_K>(p, 0)) {
    const __m256 d = _mm256_set1_ps(half_value(block.d)), dmin = _mm256_set1_ps(-half_value(block.dmin));
    const __m128i all = load16(block.scales), low4 = _mm_set1_epi8(15);
    for (size_t i = 0; i < 2; ++i) {
      const __m128i bytes = i == 0 ? all : _mm_unpackhi_epi64(all, all);
      scales[i] = _mm256_mul_ps(bytes_to_floats(_mm_and_si128(bytes, low4)), d);
      word_scales[i] = _mm256_mul_ps(scales[i], of_shifted_pairs());
      offsets[i] = _mm256_mul_ps(bytes_to_floats(_mm_and_si128(_mm_srli_epi16(bytes, 4), low4)), dmin);
    }
  }

  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[2]) const {
    const __m256i v = load32(block.q + 32 * h), mask = _mm256_set1_epi16(static_cast<short>(3 << (2 * g)));
    w[0] = _mm256_and_si256(v, mask);
    w[1] = _mm256_and_si256(_mm256_srli_epi16(v, 8), mask);
  }

  const quant::BlockQ2_K& block;
  __m256 scales[2], offsets[2], word_scales[2];
};

struct BlocksQ3_K {
  using Block = quant::BlockQ3_K;
  static constexpr Order kOrder = Order::two_bits16;
  static constexpr bool kHasOffsets = true;
  static constexpr size_t kBytes = 110;

  [[gnu::always_inline]] explicit BlocksQ3_K(const std::byte* p) : block(block_at<quant::BlockQ3_K>(p, 0)) {
    const __m256 d = _mm256_set1_ps(half_value(block.d));
    const __m128i s = integer_scales(block);
    for (size_t i = 0; i < 2; ++i) {
      const __m128i bytes = i == 0 ? s : _mm_unpackhi_epi64(s, s);
      scales[i] = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), d);
      word_scales[i] = _mm256_mul_ps(scales[i], of_shifted_pairs());
      offsets[i] = _mm256_mul_ps(scales[i], _mm256_set1_ps(-4));
    }
  }

  // As signed bytes, without d.
  [[gnu::always_inline]] static __m128i integer_scales(const quant::BlockQ3_K& block) {
    const uint32_t a = load_u32(block.scales), b = load_u32(block.scales + 4), c = load_u32(block.scales + 8);
    constexpr uint32_t kLow = 0x0f0f0f0fu, kTop = 0x30303030u;
    const auto pair = [](uint32_t first, uint32_t second) {
      return static_cast<long long>(first | static_cast<uint64_t>(second) << 32);
    };
    const __m128i six_bits = _mm_set_epi64x(pair(((a >> 4) & kLow) | (c & kTop), ((b >> 4) & kLow) | ((c >> 2) & kTop)),
                                            pair((a & kLow) | ((c << 4) & kTop), (b & kLow) | ((c << 2) & kTop)));
    return _mm_sub_epi8(six_bits, _mm_set1_epi8(32));
  }

  // Bit g of a byte of `high` belongs to elements of the first 128, bit 4 + g to those of the others: to above two
  // bits.
  [[gnu::always_inline]] void words(size_t g, size_t h, __m256i w[2]) const {
    const __m256i v = load32(block.q + 32 * h), high = load32(block.high);
    const __m256i low = _mm256_set1_epi16(static_cast<short>(3 << (2 * g)));
    const __m256i top = _mm256_set1_epi16(static_cast<short>(4 << (2 * g)));
    const auto left = static_cast<int>(2 + g) - static_cast<int>(4 * h);
    const __m256i even = left >= 0 ? _mm256_slli_epi16(high, left) : _mm256_srli_epi16(high, -left);
    const __m256i odd = _mm256_srli_epi16(high, 8 - left);
    w[0] = _mm256_or_si256(_mm256_and_si256(v, low), _mm256_and_si256(even, top));
    w[1] = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(v, 8), low), _mm256_and_si256(odd, top));
  }

  const quant::BlockQ3_K& block;
  __m256 scales[2], offsets[2], word_scales[2];
};

}  // namespace
}  // namespace quipu::kernels
