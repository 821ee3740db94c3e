// How the fused kernels for types of few bits take x with AVX512-VNNI: a 16-bit integer as two signed bytes, since
// weights come out of their blocks as bytes, 64 of which make a register. Products are exact, as those of packed16.h.
#pragma once

#include "kernels/avx512/pack16.h"

namespace quipu::kernels {
namespace {

// Which 64 elements each of the four registers of 256 weights holds. Registers are read as 16 lanes of four bytes; what
// shares a lane shares a scale. Bytes follow each other in the order of the row but where it is said otherwise.
enum class Bytes : uint8_t {
  grids,     // lane l: four of the 16 elements from 16 l on: 0 2 8 10, 1 3 9 11, 4 6 12 14, and 5 7 13 15
  quarters,  // lanes 2 b, 2 b + 1 of register r: the 8 from 32 b + 8 r on
  halves,    // lanes 2 i, 2 i + 1 of register r: the 8 from 128 (r / 2) + 16 i + 8 (r % 2) on
  planes,    // lanes 0..7 of register r: the 32 from 32 r on, others those 128 behind
  fours,     // byte i of lanes 4 b ... 4 b + 3 of register r: element 64 b + 4 i + r
  natural,
};

// Element of byte i of register r.
constexpr size_t element_of_byte(Bytes order, size_t r, size_t i) {
  switch (order) {
    case Bytes::grids:
      return 8 * (i / 2) + 4 * (r / 2) + r % 2 + 2 * (i % 2);
    case Bytes::quarters:
      return 32 * (i / 8) + 8 * r + i % 8;
    case Bytes::halves:
      return 128 * (r / 2) + 16 * (i / 8) + 8 * (r % 2) + i % 8;
    case Bytes::planes:
      return 128 * (i / 32) + 32 * r + i % 32;
    case Bytes::fours:
      return 64 * (i / 16) + 4 * (i % 16) + r;
    case Bytes::natural:
      return 64 * r + i;
  }
  return 0;
}

// What weights in an order are raised by, so that they are unsigned.
constexpr int raised_by(Bytes order) {
  switch (order) {
    case Bytes::grids:
      return 64;
    case Bytes::quarters:
      return 16;
    case Bytes::halves:
      return 12;
    default:
      return 1;
  }
}

// x = scale * (256 high + low); with a NaN or infinity in it the scale is NaN and the bytes are zeros.
struct alignas(64) PackedBytes {
  int8_t high[4][64];
  int8_t low[4][64];
  // What raised weights add to a lane's products, negative: of the first two registers, of the others.
  int32_t start[2][16];
  float scale;
};

// The largest number of which both bytes are signed.
inline constexpr float kMaxOfBytes = 127 * 256 + 127;

inline size_t packed_bytes_bytes(size_t n_in) {
  return (n_in + 255) / 256 * sizeof(PackedBytes);
}

struct ByteIndex {
  uint8_t v[256];
};
template <Bytes kOrder>
constexpr ByteIndex byte_index() {
  ByteIndex index{};
  for (size_t i = 0; i < 256; ++i) index.v[i] = static_cast<uint8_t>(element_of_byte(kOrder, i / 64, i % 64));
  return index;
}

// The sums of each lane of two registers.
inline __m512i lane_sums(const int8_t bytes[2][64]) {
  const __m512i one = _mm512_set1_epi8(1);
  const __m512i first = _mm512_dpbusd_epi32(_mm512_setzero_si512(), one, _mm512_load_si512(bytes[0]));
  return _mm512_dpbusd_epi32(first, one, _mm512_load_si512(bytes[1]));
}

template <Bytes kOrder>
void pack_bytes(const float* x, size_t n_in, void* packed) {
  static constexpr ByteIndex kIndex = byte_index<kOrder>();
  auto* out = static_cast<PackedBytes*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    __m512 v[16];
    for (size_t run = 0; run < 16; ++run) v[run] = load_part16(x, n_in, k + 16 * run);
    Quantizer quantizer = quantizer_of(v);
    // The 32767 of the 16-bit forms stands for the same magnitude.
    quantizer.scale *= kMaxQ / kMaxOfBytes;
    quantizer.inverse = _mm512_mul_ps(quantizer.inverse, _mm512_set1_ps(kMaxOfBytes / kMaxQ));
    const __mmask16 finite = _mm512_cmp_ps_mask(quantizer.inverse, _mm512_setzero_ps(), _CMP_GT_OQ);
    alignas(16) int8_t high[256], low[256];
    for (size_t run = 0; run < 16; ++run) {
      const __m512i q = _mm512_maskz_cvtps_epi32(finite, _mm512_mul_ps(v[run], quantizer.inverse));
      const __m512i upper = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(128)), 8);
      _mm_store_si128(reinterpret_cast<__m128i*>(high + 16 * run), _mm512_cvtepi32_epi8(upper));
      _mm_store_si128(reinterpret_cast<__m128i*>(low + 16 * run), _mm512_cvtepi32_epi8(q));
    }
    for (size_t i = 0; i < 256; ++i) {
      out->high[i / 64][i % 64] = high[kIndex.v[i]];
      out->low[i / 64][i % 64] = low[kIndex.v[i]];
    }
    for (size_t pair = 0; pair < 2; ++pair) {
      const __m512i upper = _mm512_slli_epi32(lane_sums(out->high + 2 * pair), 8);
      const __m512i sums = _mm512_add_epi32(upper, lane_sums(out->low + 2 * pair));
      _mm512_store_si512(out->start[pair], _mm512_mullo_epi32(sums, _mm512_set1_epi32(-raised_by(kOrder))));
    }
    out->scale = quantizer.scale;
  }
}

}  // namespace
}  // namespace quipu::kernels
