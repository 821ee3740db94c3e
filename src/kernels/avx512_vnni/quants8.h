// Weights as signed bytes in columns, straight from their blocks: 16 rows are turned while they are still packed, and
// bits are picked from whole registers of 16 rows.
//   w = scale * q + offset   for each block of 32, or of 16
// A type gives
//   Blocks       its scales (blocks16.h)
//   kBlock       32 or 16
//   kOffsets     whether it has offsets; without, q has its sign already
//   decode(rows, n_chunks, out)  out.put(chunk, columns): columns(i) are elements 32 chunk + 4 i ... + 3 of 16 rows,
//   for
//                i < 8; K types put all 8 chunks, the others n_chunks
#pragma once

#include "kernels/avx512/blocks16.h"

namespace quipu::kernels {
namespace {

// 256 columns of 16 rows, those that are missing stand for others.
struct Rows16 {
  const std::byte* row[16];
};

// 16 bytes of each row from `offset` on: out[i] is bytes 4 i ... 4 i + 3, a row per lane.
[[gnu::always_inline]] inline void columns16(const Rows16& rows, size_t offset, __m512i out[4]) {
  __m512i v[4];  // rows i, 4 + i, 8 + i, 12 + i
  for (size_t i = 0; i < 4; ++i) {
    v[i] = _mm512_castsi128_si512(load16(rows.row[i] + offset));
    v[i] = _mm512_inserti32x4(v[i], load16(rows.row[4 + i] + offset), 1);
    v[i] = _mm512_inserti32x4(v[i], load16(rows.row[8 + i] + offset), 2);
    v[i] = _mm512_inserti32x4(v[i], load16(rows.row[12 + i] + offset), 3);
  }
  const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpacklo_epi32(v[2], v[3]);
  const __m512i c = _mm512_unpackhi_epi32(v[0], v[1]), d = _mm512_unpackhi_epi32(v[2], v[3]);
  out[0] = _mm512_unpacklo_epi64(a, b);
  out[1] = _mm512_unpackhi_epi64(a, b);
  out[2] = _mm512_unpacklo_epi64(c, d);
  out[3] = _mm512_unpackhi_epi64(c, d);
}

[[gnu::always_inline]] inline void columns32(const Rows16& rows, size_t offset, __m512i out[8]) {
  columns16(rows, offset, out);
  columns16(rows, offset + 16, out + 4);
}

template <size_t kShift, uint8_t kMask>
[[gnu::always_inline]] inline __m512i bits_of(__m512i v) {
  return _mm512_and_si512(kShift == 0 ? v : _mm512_srli_epi16(v, kShift), _mm512_set1_epi8(static_cast<char>(kMask)));
}

// What the low half of each byte stands for.
[[gnu::always_inline]] inline __m512i levels_of(__m512i low_halves, const int8_t* levels) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  return _mm512_shuffle_epi8(table, low_halves);
}

// v less `value` in the bytes of which `mask` says nothing.
[[gnu::always_inline]] inline __m512i lowered_unless(__mmask64 mask, __m512i v, char value) {
  return _mm512_mask_sub_epi8(v, ~mask, v, _mm512_set1_epi8(value));
}

template <quant::TensorType kType>
struct Quants8;

template <>
struct Quants8<quant::TensorType::Q8_0> {
  using Blocks = BlocksQ8_0;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = false;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t n_chunks, Out& out) {
    for (size_t c = 0; c < n_chunks; ++c) {
      __m512i v[8];
      columns32(rows, 34 * c + 2, v);
      out.put(c, [&](size_t i) { return v[i]; });
    }
  }
};

// Blocks of 32 whose 16 bytes of halves stand at kNibbles; `Level` says what a half stands for.
template <class Blocks_, size_t kBlockBytes, size_t kNibbles, bool kOffsets_, class Level>
struct NibbleBlocks {
  using Blocks = Blocks_;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = kOffsets_;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t n_chunks, Out& out) {
    for (size_t c = 0; c < n_chunks; ++c) {
      __m512i v[4];
      columns16(rows, kBlockBytes * c + kNibbles, v);
      out.put(c, [&](size_t i) { return Level::of(i < 4 ? bits_of<0, 15>(v[i]) : bits_of<4, 15>(v[i - 4])); });
    }
  }
};

struct PlainLevel {
  [[gnu::always_inline]] static __m512i of(__m512i v) { return v; }
};
struct LessEight {
  [[gnu::always_inline]] static __m512i of(__m512i v) { return _mm512_sub_epi8(v, _mm512_set1_epi8(8)); }
};
struct Iq4Level {
  [[gnu::always_inline]] static __m512i of(__m512i v) { return levels_of(v, quant::kIq4Values); }
};
struct Fp4Level {
  [[gnu::always_inline]] static __m512i of(__m512i v) { return levels_of(v, quant::kFp4Values); }
};

template <>
struct Quants8<quant::TensorType::Q4_0> : NibbleBlocks<BlocksQ4_0, 18, 2, false, LessEight> {};
template <>
struct Quants8<quant::TensorType::Q4_1> : NibbleBlocks<BlocksQ4_1, 20, 4, true, PlainLevel> {};
template <>
struct Quants8<quant::TensorType::IQ4_NL> : NibbleBlocks<BlocksIQ4_NL, 18, 2, false, Iq4Level> {};
template <>
struct Quants8<quant::TensorType::MXFP4> : NibbleBlocks<BlocksMXFP4, 17, 1, false, Fp4Level> {};
// Its 8 sub-blocks follow each other behind 8 bytes.
template <>
struct Quants8<quant::TensorType::IQ4_XS>
    : NibbleBlocks<BlocksIQ4_XS, 16, offsetof(quant::BlockIQ4_XS, q), false, Iq4Level> {};

// Q5_0 and Q5_1: the fifth bit of element i is bit i of 4 bytes in front of the halves.
template <class Blocks_, size_t kBlockBytes, size_t kHigh, bool kOffsets_>
struct FifthBitBlocks {
  using Blocks = Blocks_;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = kOffsets_;

  // Bytes 0..3 of element group i have bits 4 i ... 4 i + 3 of the lane's number.
  [[gnu::always_inline]] static __mmask64 fifth_bits(__m512i high, size_t i) {
    const __m512i lanes = _mm512_broadcast_i32x4(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
    const __m512i index = _mm512_add_epi8(lanes, _mm512_set1_epi8(static_cast<char>(i / 2)));
    const __m512i bit = _mm512_set1_epi32(i % 2 == 0 ? 0x08040201 : static_cast<int>(0x80402010u));
    return _mm512_test_epi8_mask(_mm512_shuffle_epi8(high, index), bit);
  }
  [[gnu::always_inline]] static __m512i with_fifth(__m512i v, __mmask64 bits) {
    if constexpr (kOffsets) return _mm512_mask_add_epi8(v, bits, v, _mm512_set1_epi8(16));
    return lowered_unless(bits, v, 16);
  }
  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t n_chunks, Out& out) {
    for (size_t c = 0; c < n_chunks; ++c) {
      __m512i high[4], v[4];
      columns16(rows, kBlockBytes * c + kHigh, high);
      columns16(rows, kBlockBytes * c + kHigh + 4, v);
      out.put(c, [&](size_t i) {
        return with_fifth(i < 4 ? bits_of<0, 15>(v[i]) : bits_of<4, 15>(v[i - 4]), fifth_bits(high[0], i));
      });
    }
  }
};
template <>
struct Quants8<quant::TensorType::Q5_0> : FifthBitBlocks<BlocksQ5_0, 22, 2, false> {};
template <>
struct Quants8<quant::TensorType::Q5_1> : FifthBitBlocks<BlocksQ5_1, 24, 4, true> {};

template <>
struct Quants8<quant::TensorType::Q4_K> {
  using Blocks = BlocksQ4_K;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = true;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t, Out& out) {
    for (size_t pair = 0; pair < 4; ++pair) {
      __m512i v[8];
      columns32(rows, offsetof(quant::BlockQ4_K, q) + 32 * pair, v);
      out.put(2 * pair, [&](size_t i) { return bits_of<0, 15>(v[i]); });
      out.put(2 * pair + 1, [&](size_t i) { return bits_of<4, 15>(v[i]); });
    }
  }
};

template <>
struct Quants8<quant::TensorType::Q5_K> {
  using Blocks = BlocksQ5_K;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = true;

  [[gnu::always_inline]] static __m512i with_fifth(__m512i v, __m512i high, size_t chunk) {
    const __mmask64 bits = _mm512_test_epi8_mask(high, _mm512_set1_epi8(static_cast<char>(1u << chunk)));
    return _mm512_mask_add_epi8(v, bits, v, _mm512_set1_epi8(16));
  }
  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t, Out& out) {
    __m512i high[8];
    columns32(rows, offsetof(quant::BlockQ5_K, high), high);
    for (size_t pair = 0; pair < 4; ++pair) {
      __m512i v[8];
      columns32(rows, offsetof(quant::BlockQ5_K, q) + 32 * pair, v);
      out.put(2 * pair, [&](size_t i) { return with_fifth(bits_of<0, 15>(v[i]), high[i], 2 * pair); });
      out.put(2 * pair + 1, [&](size_t i) { return with_fifth(bits_of<4, 15>(v[i]), high[i], 2 * pair + 1); });
    }
  }
};

template <>
struct Quants8<quant::TensorType::Q6_K> {
  using Blocks = BlocksQ6_K;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = false;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t, Out& out) {
    for (size_t half = 0; half < 2; ++half) {
      __m512i high[8];
      columns32(rows, offsetof(quant::BlockQ6_K, high) + 32 * half, high);
      for (size_t j = 0; j < 2; ++j) {
        __m512i v[8];
        columns32(rows, 64 * half + 32 * j, v);
        const auto top = [&](size_t i) { return j == 0 ? high[i] : _mm512_srli_epi16(high[i], 2); };
        out.put(4 * half + j, [&](size_t i) { return centred(bits_of<0, 15>(v[i]), _mm512_slli_epi16(top(i), 4)); });
        out.put(4 * half + j + 2, [&](size_t i) { return centred(bits_of<4, 15>(v[i]), top(i)); });
      }
    }
  }

 private:
  // Four bits, and two more at bits 4 and 5 of `top`, less 32.
  [[gnu::always_inline]] static __m512i centred(__m512i low, __m512i top) {
    constexpr int kOrOfAnd = 0xf8;  // a | (b & c)
    const __m512i q = _mm512_ternarylogic_epi32(low, top, _mm512_set1_epi8(0x30), kOrOfAnd);
    return _mm512_sub_epi8(q, _mm512_set1_epi8(32));
  }
};

template <>
struct Quants8<quant::TensorType::Q2_K> {
  using Blocks = BlocksQ2_K;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = true;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t, Out& out) {
    for (size_t half = 0; half < 2; ++half) {
      __m512i v[8];
      columns32(rows, offsetof(quant::BlockQ2_K, q) + 32 * half, v);
      out.put(4 * half, [&](size_t i) { return bits_of<0, 3>(v[i]); });
      out.put(4 * half + 1, [&](size_t i) { return bits_of<2, 3>(v[i]); });
      out.put(4 * half + 2, [&](size_t i) { return bits_of<4, 3>(v[i]); });
      out.put(4 * half + 3, [&](size_t i) { return bits_of<6, 3>(v[i]); });
    }
  }
};

template <>
struct Quants8<quant::TensorType::Q3_K> {
  using Blocks = BlocksQ3_K;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = false;

  [[gnu::always_inline]] static __m512i centred(__m512i v, __m512i high, size_t chunk) {
    return lowered_unless(_mm512_test_epi8_mask(high, _mm512_set1_epi8(static_cast<char>(1u << chunk))), v, 4);
  }
  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows16& rows, size_t, Out& out) {
    __m512i high[8];
    columns32(rows, offsetof(quant::BlockQ3_K, high), high);
    for (size_t half = 0; half < 2; ++half) {
      __m512i v[8];
      columns32(rows, offsetof(quant::BlockQ3_K, q) + 32 * half, v);
      const size_t c = 4 * half;
      out.put(c, [&](size_t i) { return centred(bits_of<0, 3>(v[i]), high[i], c); });
      out.put(c + 1, [&](size_t i) { return centred(bits_of<2, 3>(v[i]), high[i], c + 1); });
      out.put(c + 2, [&](size_t i) { return centred(bits_of<4, 3>(v[i]), high[i], c + 2); });
      out.put(c + 3, [&](size_t i) { return centred(bits_of<6, 3>(v[i]), high[i], c + 3); });
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
