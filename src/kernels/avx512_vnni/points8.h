// The types of x86/points.h as Quants8 (quants8.h) has the others: their rows are unpacked first, and then turned.
#pragma once

#include "kernels/avx512_vnni/quants8.h"
#include "kernels/x86/points_plain.h"

namespace quipu::kernels {
namespace {

// Bytes of 16 rows side by side, and their scales of each 16 elements.
struct alignas(64) UnpackedRows {
  int8_t q[16][256];
  __m512i scales[16];
};

// `n_chunks` times 32 elements of a row; the others of the 256 become zeros.
template <quant::TensorType kType>
void unpack_points_row(const std::byte* row, size_t n_chunks, UnpackedRows& out, size_t r) {
  using Points = Points<kType>;
  std::byte padded[Points::kPartial ? Points::kBytes : 1];
  if (Points::kPartial && n_chunks < 8) {
    __builtin_memset(padded, 0, sizeof padded);
    __builtin_memcpy(padded, row, Points::kBytes * n_chunks / 8);
    row = padded;
  }
  const Points points(row);
  for (size_t c = 0; c < 8; ++c) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(out.q[r] + 32 * c), signed_bytes(points, c));
  }
  out.scales[r] = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_castps_si256(points.scales[0])),
                                     _mm256_castps_si256(points.scales[1]), 1);
}

// Puts 256 columns of 16 rows, of which n_chunks times 32 exist.
template <quant::TensorType kType, class Out>
void put_points(const Rows16& rows, size_t n_chunks, Out& out) {
  UnpackedRows unpacked;
  for (size_t r = 0; r < 16; ++r) unpack_points_row<kType>(rows.row[r], n_chunks, unpacked, r);
  Rows16 unpacked_rows;
  for (size_t r = 0; r < 16; ++r) unpacked_rows.row[r] = reinterpret_cast<const std::byte*>(unpacked.q[r]);
  for (size_t c = 0; c < n_chunks; ++c) {
    __m512i v[8];
    columns32(unpacked_rows, 32 * c, v);
    out.put(c, [&](size_t i) { return v[i]; });
  }
  transpose16(unpacked.scales);
  for (size_t run = 0; run < Out::kRuns; ++run) {
    out.scale(run, _mm512_castsi512_ps(unpacked.scales[Out::kBlock / 16 * run]));
  }
}

}  // namespace
}  // namespace quipu::kernels
