// Weights as unsigned bytes in columns, straight from their blocks: 8 rows are turned while they are still packed, and
// bits are picked from whole registers of 8 rows. Needs AVX2.
//   w = scale * (q - 2^kCentre), or scale * q + offset, for each block of 32, or of 16
// A type gives
//   Blocks       its scales, and its offsets if it has any (blocks16.h)
//   kBlock       32 or 16
//   kOffsets     whether it has offsets
//   kCentre      without offsets: see above
//   kLargest     the largest q
//   decode(rows, n_chunks, out)  out.put(chunk, i, v): elements 32 chunk + 4 i ... + 3 of 8 rows; some K types put all
//                8 chunks at once, the others n_chunks
#pragma once

#include "kernels/avx2/blocks16.h"

namespace quipu::kernels {
namespace {

// 256 columns of 8 rows, those that are missing stand for others.
struct Rows8 {
  const std::byte* row[8];
};

// 16 bytes of each row from `offset` on: out[i] is bytes 4 i ... 4 i + 3, a row per lane.
[[gnu::always_inline]] inline void columns16(const Rows8& rows, size_t offset, __m256i out[4]) {
  __m256i v[4];  // rows i, 4 + i
  for (size_t i = 0; i < 4; ++i) v[i] = load16_twice(rows.row[i] + offset, rows.row[4 + i] + offset);
  const __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpacklo_epi32(v[2], v[3]);
  const __m256i c = _mm256_unpackhi_epi32(v[0], v[1]), d = _mm256_unpackhi_epi32(v[2], v[3]);
  out[0] = _mm256_unpacklo_epi64(a, b);
  out[1] = _mm256_unpackhi_epi64(a, b);
  out[2] = _mm256_unpacklo_epi64(c, d);
  out[3] = _mm256_unpackhi_epi64(c, d);
}

[[gnu::always_inline]] inline void columns32(const Rows8& rows, size_t offset, __m256i out[8]) {
  columns16(rows, offset, out);
  columns16(rows, offset + 16, out + 4);
}

// The kBytes of 256 elements, of which the last may be missing: then a copy with zeros.
template <size_t kBytes>
[[gnu::always_inline]] inline const std::byte* whole_block(const std::byte* row, size_t n_chunks,
                                                           std::byte padded[kBytes]) {
  if (n_chunks == 8) return row;
  __builtin_memset(padded, 0, kBytes);
  __builtin_memcpy(padded, row, kBytes * n_chunks / 8);
  return padded;
}

template <size_t kShift, uint8_t kMask>
[[gnu::always_inline]] inline __m256i bits_of(__m256i v) {
  return _mm256_and_si256(kShift == 0 ? v : _mm256_srli_epi16(v, kShift), _mm256_set1_epi8(static_cast<char>(kMask)));
}

template <TensorType kType>
struct Quants8;

template <>
struct Quants8<TensorType::Q8_0> {
  using Blocks = BlocksQ8_0;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = false;
  static constexpr int kCentre = 7, kLargest = 255;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t n_chunks, Out& out) {
    for (size_t c = 0; c < n_chunks; ++c) {
      __m256i v[8];
      columns32(rows, 34 * c + 2, v);
      for (size_t i = 0; i < 8; ++i) out.put(c, i, _mm256_xor_si256(v[i], _mm256_set1_epi8(-128)));
    }
  }
};

// Blocks of 32 whose 16 bytes of halves stand at kNibbles; `Level` says what a half stands for.
template <class Blocks_, size_t kBlockBytes, size_t kNibbles, bool kOffsets_, class Level>
struct NibbleBlocks {
  using Blocks = Blocks_;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = kOffsets_;
  static constexpr int kCentre = Level::kCentre, kLargest = Level::kLargest;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t n_chunks, Out& out) {
    for (size_t c = 0; c < n_chunks; ++c) {
      __m256i v[4];
      columns16(rows, kBlockBytes * c + kNibbles, v);
      for (size_t i = 0; i < 4; ++i) {
        out.put(c, i, Level::of(bits_of<0, 15>(v[i])));
        out.put(c, 4 + i, Level::of(bits_of<4, 15>(v[i])));
      }
    }
  }
};

struct PlainLevel {
  static constexpr int kCentre = 3, kLargest = 15;
  [[gnu::always_inline]] static __m256i of(__m256i v) { return v; }
};
struct Iq4Level {
  static constexpr int kCentre = 7, kLargest = 241;
  [[gnu::always_inline]] static __m256i of(__m256i v) {
    return _mm256_shuffle_epi8(_mm256_xor_si256(levels16(quant::kIq4Values), _mm256_set1_epi8(-128)), v);
  }
};
struct Fp4Level {
  static constexpr int kCentre = 4, kLargest = 28;
  [[gnu::always_inline]] static __m256i of(__m256i v) {
    return _mm256_shuffle_epi8(_mm256_add_epi8(levels16(quant::kFp4Values), _mm256_set1_epi8(16)), v);
  }
};

template <>
struct Quants8<TensorType::Q4_0> : NibbleBlocks<BlocksQ4_0, 18, 2, false, PlainLevel> {};
template <>
struct Quants8<TensorType::Q4_1> : NibbleBlocks<BlocksQ4_1, 20, 4, true, PlainLevel> {};
template <>
struct Quants8<TensorType::IQ4_NL> : NibbleBlocks<BlocksIQ4_NL, 18, 2, false, Iq4Level> {};
template <>
struct Quants8<TensorType::MXFP4> : NibbleBlocks<BlocksMXFP4, 17, 1, false, Fp4Level> {};
// Its 8 sub-blocks follow each other behind 8 bytes.
template <>
struct Quants8<TensorType::IQ4_XS> : NibbleBlocks<BlocksIQ4_XS, 16, offsetof(quant::BlockIQ4_XS, q), false, Iq4Level> {
};

// Q5_0 and Q5_1: the fifth bit of element i is bit i of 4 bytes in front of the halves.
template <class Blocks_, size_t kBlockBytes, size_t kHigh, bool kOffsets_>
struct FifthBitBlocks {
  using Blocks = Blocks_;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = kOffsets_;
  static constexpr int kCentre = 4, kLargest = 31;

  // Bytes 0..3 of element group i have bits 4 i ... 4 i + 3 of the lane's number.
  [[gnu::always_inline]] static __m256i fifth_bits(__m256i high, size_t i) {
    const __m256i lanes = _mm256_broadcastsi128_si256(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
    const __m256i index = _mm256_add_epi8(lanes, _mm256_set1_epi8(static_cast<char>(i / 2)));
    const __m256i bit = _mm256_set1_epi32(i % 2 == 0 ? 0x08040201 : static_cast<int>(0x80402010u));
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(high, index), bit), bit);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
  }
  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t n_chunks, Out& out) {
    for (size_t c = 0; c < n_chunks; ++c) {
      __m256i high[4], v[4];
      columns16(rows, kBlockBytes * c + kHigh, high);
      columns16(rows, kBlockBytes * c + kHigh + 4, v);
      for (size_t i = 0; i < 4; ++i) {
        out.put(c, i, _mm256_or_si256(bits_of<0, 15>(v[i]), fifth_bits(high[0], i)));
        out.put(c, 4 + i, _mm256_or_si256(bits_of<4, 15>(v[i]), fifth_bits(high[0], 4 + i)));
      }
    }
  }
};
template <>
struct Quants8<TensorType::Q5_0> : FifthBitBlocks<BlocksQ5_0, 22, 2, false> {};
template <>
struct Quants8<TensorType::Q5_1> : FifthBitBlocks<BlocksQ5_1, 24, 4, true> {};

template <>
struct Quants8<TensorType::Q4_K> {
  using Blocks = BlocksQ4_K;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = true;
  static constexpr int kLargest = 15;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t, Out& out) {
    for (size_t pair = 0; pair < 4; ++pair) {
      __m256i v[8];
      columns32(rows, offsetof(quant::BlockQ4_K, q) + 32 * pair, v);
      for (size_t i = 0; i < 8; ++i) {
        out.put(2 * pair, i, bits_of<0, 15>(v[i]));
        out.put(2 * pair + 1, i, bits_of<4, 15>(v[i]));
      }
    }
  }
};

template <>
struct Quants8<TensorType::Q5_K> {
  using Blocks = BlocksQ5_K;
  static constexpr size_t kBlock = 32;
  static constexpr bool kOffsets = true;
  static constexpr int kLargest = 31;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t, Out& out) {
    __m256i high[8];
    columns32(rows, offsetof(quant::BlockQ5_K, high), high);
    for (size_t pair = 0; pair < 4; ++pair) {
      __m256i v[8];
      columns32(rows, offsetof(quant::BlockQ5_K, q) + 32 * pair, v);
      for (size_t i = 0; i < 8; ++i) {
        out.put(2 * pair, i, _mm256_or_si256(bits_of<0, 15>(v[i]), one_bit(high[i], 2 * pair, 16)));
        out.put(2 * pair + 1, i, _mm256_or_si256(bits_of<4, 15>(v[i]), one_bit(high[i], 2 * pair + 1, 16)));
      }
    }
  }
};

template <>
struct Quants8<TensorType::Q6_K> {
  using Blocks = BlocksQ6_K;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = false;
  static constexpr int kCentre = 5, kLargest = 63;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t, Out& out) {
    for (size_t half = 0; half < 2; ++half) {
      __m256i high[8];
      columns32(rows, offsetof(quant::BlockQ6_K, high) + 32 * half, high);
      for (size_t j = 0; j < 2; ++j) {
        __m256i v[8];
        columns32(rows, 64 * half + 32 * j, v);
        for (size_t i = 0; i < 8; ++i) {
          const __m256i top = _mm256_srl_epi16(high[i], _mm_cvtsi32_si128(static_cast<int>(2 * j)));
          out.put(4 * half + j, i, with_top(bits_of<0, 15>(v[i]), _mm256_slli_epi16(top, 4)));
          out.put(4 * half + j + 2, i, with_top(bits_of<4, 15>(v[i]), top));
        }
      }
    }
  }

 private:
  // Four bits, and two more at bits 4 and 5 of `top`.
  [[gnu::always_inline]] static __m256i with_top(__m256i low, __m256i top) {
    return _mm256_or_si256(low, _mm256_and_si256(top, _mm256_set1_epi8(0x30)));
  }
};

template <>
struct Quants8<TensorType::Q2_K> {
  using Blocks = BlocksQ2_K;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = true;
  static constexpr int kLargest = 3;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t, Out& out) {
    for (size_t half = 0; half < 2; ++half) {
      __m256i v[8];
      columns32(rows, offsetof(quant::BlockQ2_K, q) + 32 * half, v);
      for (size_t i = 0; i < 8; ++i) {
        out.put(4 * half, i, bits_of<0, 3>(v[i]));
        out.put(4 * half + 1, i, bits_of<2, 3>(v[i]));
        out.put(4 * half + 2, i, bits_of<4, 3>(v[i]));
        out.put(4 * half + 3, i, bits_of<6, 3>(v[i]));
      }
    }
  }
};

template <>
struct Quants8<TensorType::Q3_K> {
  using Blocks = BlocksQ3_K;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = false;
  static constexpr int kCentre = 2, kLargest = 7;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t, Out& out) {
    __m256i high[8];
    columns32(rows, offsetof(quant::BlockQ3_K, high), high);
    for (size_t half = 0; half < 2; ++half) {
      __m256i v[8];
      columns32(rows, offsetof(quant::BlockQ3_K, q) + 32 * half, v);
      for (size_t i = 0; i < 8; ++i) {
        out.put(4 * half, i, _mm256_or_si256(bits_of<0, 3>(v[i]), one_bit(high[i], 4 * half, 4)));
        out.put(4 * half + 1, i, _mm256_or_si256(bits_of<2, 3>(v[i]), one_bit(high[i], 4 * half + 1, 4)));
        out.put(4 * half + 2, i, _mm256_or_si256(bits_of<4, 3>(v[i]), one_bit(high[i], 4 * half + 2, 4)));
        out.put(4 * half + 3, i, _mm256_or_si256(bits_of<6, 3>(v[i]), one_bit(high[i], 4 * half + 3, 4)));
      }
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
