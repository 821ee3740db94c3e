// The scales of 16 rows by 256 of K as columns: a register for each run of K, a row per lane.
//   ScaleColumns<Blocks>::put(rows, n_chunks, out)  calls out.scale(run, v), and out.offset(run, v) for types that have
//   offsets
// Any type's can be taken from its rows and turned; K types' are turned while they are packed.
#pragma once

#include "kernels/avx512_vnni/quants8.h"

namespace quipu::kernels {
namespace {

template <class Blocks>
struct ScaleColumns {
  template <class Out>
  [[gnu::always_inline]] static void put(const Rows16& rows, size_t n_chunks, Out& out) {
    constexpr bool kOffsets = Out::kOffsets, kSixteen = Out::kBlock == 16;
    __m512i scales[16], offsets[16];
    for (size_t r = 0; r < 16; ++r) {
      const Blocks blocks(rows.row[r], n_chunks);
      scales[r] = _mm512_castps_si512(blocks.scales);
      if constexpr (kOffsets && kSixteen) offsets[r] = _mm512_castps_si512(blocks.offsets);
    }
    transpose16(scales);
    if constexpr (kOffsets && kSixteen) transpose16(offsets);
    for (size_t run = 0; run < Out::kRuns; ++run) {
      out.scale(run, _mm512_castsi512_ps(scales[run]));
      if constexpr (kOffsets) out.offset(run, _mm512_castsi512_ps(kSixteen ? offsets[run] : scales[8 + run % 8]));
    }
  }
};

// 4 bytes of each row.
[[gnu::always_inline]] inline __m512i column4(const Rows16& rows, size_t offset) {
  __m128i v[4];
  for (size_t i = 0; i < 4; ++i) {
    const auto four = [&](size_t r) { return static_cast<int>(load_u32(rows.row[4 * i + r] + offset)); };
    v[i] = _mm_setr_epi32(four(0), four(1), four(2), four(3));
  }
  const __m256i low = _mm256_set_m128i(v[1], v[0]), high = _mm256_set_m128i(v[3], v[2]);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// The binary16 in the low half of each lane.
[[gnu::always_inline]] inline __m512 low_halves(__m512i v) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}
[[gnu::always_inline]] inline __m512 high_halves(__m512i v) {
  return low_halves(_mm512_srli_epi32(v, 16));
}
// Byte i of each lane.
[[gnu::always_inline]] inline __m512 byte_column(__m512i v, unsigned i) {
  return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(v, 8 * i), _mm512_set1_epi32(255)));
}
[[gnu::always_inline]] inline __m512 signed_byte_column(__m512i v, unsigned i) {
  return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(v, 24 - 8 * i), 24));
}
[[gnu::always_inline]] inline __m512 negated(__m512 v) {
  return _mm512_xor_ps(v, _mm512_set1_ps(-0.0F));
}

// 6-bit numbers of their low four bits and, where they belong, their upper two.
[[gnu::always_inline]] inline __m512i with_top(__m512i low, __m512i top) {
  return _mm512_or_si512(low, _mm512_and_si512(top, _mm512_set1_epi8(0x30)));
}

// Q4_K and Q5_K begin with d, dmin and 12 bytes for 8 scales and 8 minima.
struct ScaleColumnsK4 {
  template <class Out>
  [[gnu::always_inline]] static void put(const Rows16& rows, size_t, Out& out) {
    __m512i head[4];
    columns16(rows, 0, head);
    const __m512 d = low_halves(head[0]), minus_dmin = negated(high_halves(head[0]));
    const __m512i low4 = _mm512_set1_epi8(15), low6 = _mm512_set1_epi8(63);
    const __m512i a = head[1], b = head[2], c = head[3];
    const __m512i scales[2] = {_mm512_and_si512(a, low6), with_top(_mm512_and_si512(c, low4), _mm512_srli_epi16(a, 2))};
    const __m512i mins[2] = {_mm512_and_si512(b, low6),
                             with_top(_mm512_and_si512(_mm512_srli_epi16(c, 4), low4), _mm512_srli_epi16(b, 2))};
    for (unsigned run = 0; run < 8; ++run) {
      out.scale(run, _mm512_mul_ps(byte_column(scales[run / 4], run % 4), d));
      out.offset(run, _mm512_mul_ps(byte_column(mins[run / 4], run % 4), minus_dmin));
    }
  }
};
template <>
struct ScaleColumns<BlocksQ4_K> : ScaleColumnsK4 {};
template <>
struct ScaleColumns<BlocksQ5_K> : ScaleColumnsK4 {};

template <>
struct ScaleColumns<BlocksQ6_K> {
  template <class Out>
  [[gnu::always_inline]] static void put(const Rows16& rows, size_t, Out& out) {
    __m512i scales[4];
    columns16(rows, offsetof(quant::BlockQ6_K, scales), scales);
    const __m512 d = high_halves(column4(rows, offsetof(quant::BlockQ6_K, d) - 2));
    for (unsigned run = 0; run < 16; ++run) {
      out.scale(run, _mm512_mul_ps(signed_byte_column(scales[run / 4], run % 4), d));
    }
  }
};

template <>
struct ScaleColumns<BlocksQ2_K> {
  template <class Out>
  [[gnu::always_inline]] static void put(const Rows16& rows, size_t, Out& out) {
    __m512i both[4];
    columns16(rows, offsetof(quant::BlockQ2_K, scales), both);
    const __m512i d_dmin = column4(rows, offsetof(quant::BlockQ2_K, d));
    const __m512 d = low_halves(d_dmin), minus_dmin = negated(high_halves(d_dmin));
    const __m512i low4 = _mm512_set1_epi8(15);
    for (unsigned run = 0; run < 16; ++run) {
      const __m512i v = both[run / 4];
      out.scale(run, _mm512_mul_ps(byte_column(_mm512_and_si512(v, low4), run % 4), d));
      out.offset(run, _mm512_mul_ps(byte_column(_mm512_and_si512(_mm512_srli_epi16(v, 4), low4), run % 4), minus_dmin));
    }
  }
};

template <>
struct ScaleColumns<BlocksQ3_K> {
  template <class Out>
  [[gnu::always_inline]] static void put(const Rows16& rows, size_t, Out& out) {
    // The last 16 bytes of the block: two of q, 12 of scales, d.
    __m512i tail[4];
    columns16(rows, sizeof(quant::BlockQ3_K) - 16, tail);
    const auto word_on = [&](size_t i) {
      return _mm512_or_si512(_mm512_srli_epi32(tail[i], 16), _mm512_slli_epi32(tail[i + 1], 16));
    };
    const __m512i a = word_on(0), b = word_on(1), c = word_on(2);
    const __m512 d = high_halves(tail[3]);
    const __m512i low4 = _mm512_set1_epi8(15);
    const __m512i scales[4] = {
        with_top(_mm512_and_si512(a, low4), _mm512_slli_epi16(c, 4)),
        with_top(_mm512_and_si512(b, low4), _mm512_slli_epi16(c, 2)),
        with_top(_mm512_and_si512(_mm512_srli_epi16(a, 4), low4), c),
        with_top(_mm512_and_si512(_mm512_srli_epi16(b, 4), low4), _mm512_srli_epi16(c, 2)),
    };
    const __m512i centre = _mm512_set1_epi8(32);
    for (unsigned run = 0; run < 16; ++run) {
      const __m512i centred = _mm512_sub_epi8(scales[run / 4], centre);
      out.scale(run, _mm512_mul_ps(signed_byte_column(centred, run % 4), d));
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
