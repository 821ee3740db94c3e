// Weights that stand for themselves, F32, F16 and BF16, as float32: NEON.
//
// A kind of rows is a struct made from 256 elements of a row at any address (kBytes of them), which gives, once open(j)
// was called, the elements 64 j + 16 i ... + 15 as four registers: floats(j, i, out). quantised.h has the other kinds.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {
namespace {

template <size_t kElementBytes>
struct PlainRow {
  static constexpr size_t kBytes = 256 * kElementBytes;
  const std::byte* data;

  explicit PlainRow(const std::byte* p) : data(p) {}
  void open(size_t) {}
  // Sixteen bytes, of the part'th sixteen elements.
  [[nodiscard]] uint8x16_t load(size_t part, size_t register_of_part) const {
    return vld1q_u8(reinterpret_cast<const uint8_t*>(data + 16 * kElementBytes * part + 16 * register_of_part));
  }
};

struct RowF32 : PlainRow<4> {
  using PlainRow::PlainRow;
  [[gnu::always_inline]] void floats(size_t j, size_t i, float32x4_t out[4]) const {
    for (size_t q = 0; q < 4; ++q) out[q] = vreinterpretq_f32_u8(load(4 * j + i, q));
  }
};

struct RowF16 : PlainRow<2> {
  using PlainRow::PlainRow;
  [[gnu::always_inline]] void floats(size_t j, size_t i, float32x4_t out[4]) const {
    for (size_t q = 0; q < 2; ++q) {
      const float16x8_t v = vreinterpretq_f16_u8(load(4 * j + i, q));
      out[2 * q] = vcvt_f32_f16(vget_low_f16(v));
      out[2 * q + 1] = vcvt_high_f32_f16(v);
    }
  }
};

struct RowBF16 : PlainRow<2> {
  using PlainRow::PlainRow;
  [[gnu::always_inline]] void floats(size_t j, size_t i, float32x4_t out[4]) const {
    for (size_t q = 0; q < 2; ++q) {
      const uint16x8_t v = vreinterpretq_u16_u8(load(4 * j + i, q));
      out[2 * q] = vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(v), 16));
      out[2 * q + 1] = vreinterpretq_f32_u32(vshll_high_n_u16(v, 16));
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
