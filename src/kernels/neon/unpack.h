// The half of a GEMM kernel that is the same for every element of a panel: walking over rows while unpacking, four rows
// by 64 elements at a time. `Panel` says where they go:
//   store(v, row, k, panel)   v[r][q]: elements k + 4 q ... + 3 of row `row` + r; row is a multiple of 4, k of 16
#pragma once

#include "kernels/decoded_impl.h"
#include "kernels/neon/blocks.h"
#include "kernels/neon/few_bits_blocks.h"
#include "kernels/neon/grid_blocks.h"
#include "kernels/neon/plain.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;

inline constexpr size_t kPanelRows = 16;

// A row of quantised blocks as plain.h wants it.
template <class Blocks>
struct QuantisedRow {
  static constexpr size_t kBytes = Blocks::kBytes;
  Blocks blocks;
  int8x16_t w[4];

  [[gnu::always_inline]] explicit QuantisedRow(const std::byte* p) : blocks(p) {}
  [[gnu::always_inline]] void open(size_t j) { blocks.pair(j, w); }
  [[gnu::always_inline]] void floats(size_t j, size_t i, float32x4_t out[4]) const {
    const size_t at = (64 * j + 16 * i) / Blocks::kScaled;
    const int16x8_t low = vmovl_s8(vget_low_s8(w[i])), high = vmovl_high_s8(w[i]);
    out[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
    out[1] = vcvtq_f32_s32(vmovl_high_s16(low));
    out[2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
    out[3] = vcvtq_f32_s32(vmovl_high_s16(high));
    for (size_t q = 0; q < 4; ++q) {
      if constexpr (Blocks::kHasOffsets) {
        out[q] = vfmaq_n_f32(vdupq_n_f32(blocks.offsets[at]), out[q], blocks.scales[at]);
      } else {
        out[q] = vmulq_n_f32(out[q], blocks.scales[at]);
      }
    }
  }
};

// Where 256 elements of a row are: in place, or copied with zeros behind the n that exist.
template <class Row>
struct Source {
  alignas(16) std::byte copy[Row::kBytes];
  const std::byte* of(const std::byte* row, size_t n) {
    if (n == 256) return row;
    __builtin_memset(copy, 0, sizeof copy);
    __builtin_memcpy(copy, row, n * Row::kBytes / 256);
    return copy;
  }
};

template <class Panel, class Row>
void unpack_rows(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  for (size_t k = k_begin; k < k_end; k += 256) {
    const size_t n = k_end - k < 256 ? k_end - k : 256;
    for (size_t r = 0; r < kPanelRows; r += 4) {
      Source<Row> sources[4];
      const auto row = [&](size_t i) {
        const size_t exist = r + i < w.n_rows ? n : 0;
        return Row(sources[i].of(w.data + (exist != 0 ? r + i : 0) * w.row_bytes + k / 256 * Row::kBytes, exist));
      };
      Row rows[4] = {row(0), row(1), row(2), row(3)};
      for (size_t j = 0; 64 * j < n; ++j) {
        for (Row& one : rows) one.open(j);
        for (size_t i = 0; i < 4; ++i) {
          float32x4_t v[4][4];
          for (size_t one = 0; one < 4; ++one) rows[one].floats(j, i, v[one]);
          Panel::store(v, r, k - k_begin + 64 * j + 16 * i, panel);
        }
      }
    }
  }
}

// As TypeTraits::decode.
template <class Blocks>
void decode_blocks(const std::byte* source, float* target, size_t n) {
  for (size_t k = 0; k < n; k += 256, source += Blocks::kBytes) {
    const size_t here = n - k < 256 ? n - k : 256;
    Source<QuantisedRow<Blocks>> padded;
    QuantisedRow<Blocks> row(padded.of(source, here));
    for (size_t at = 0; at < here; at += 16) {
      if (at % 64 == 0) row.open(at / 64);
      float32x4_t v[4];
      row.floats(at / 64, at % 64 / 16, v);
      for (size_t q = 0; q < 4; ++q) vst1q_f32(target + k + at + 4 * q, v[q]);
    }
  }
}

// The fastest decoder of a type.
inline decltype(quant::TypeTraits::decode) decoder_of(TensorType type) {
  switch (type) {
    case TensorType::IQ1_S:
      return decode_blocks<BlocksIQ1_S>;
    case TensorType::IQ1_M:
      return decode_blocks<BlocksIQ1_M>;
    case TensorType::IQ2_XXS:
      return decode_blocks<BlocksIQ2_XXS>;
    case TensorType::IQ2_XS:
      return decode_blocks<BlocksIQ2_XS>;
    case TensorType::IQ2_S:
      return decode_blocks<BlocksIQ2_S>;
    case TensorType::IQ3_XXS:
      return decode_blocks<BlocksIQ3_XXS>;
    case TensorType::IQ3_S:
      return decode_blocks<BlocksIQ3_S>;
    case TensorType::TQ1_0:
      return decode_blocks<BlocksTQ1_0>;
    case TensorType::TQ2_0:
      return decode_blocks<BlocksTQ2_0>;
    case TensorType::NVFP4:
      return decode_blocks<BlocksNVFP4>;
    case TensorType::Q1_0:
      return decode_blocks<BlocksQ1_0>;
    case TensorType::Q2_0:
      return decode_blocks<BlocksQ2_0>;
    default:
      return quant::traits(type).decode;
  }
}

template <class Panel>
void unpack_decoded(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  constexpr size_t kBlock = GemmKernels::kBlock;
  auto* out = static_cast<std::byte*>(panel);
  for (size_t k = k_begin; k < k_end; k += kBlock, out += Panel::kBlockBytes) {
    const size_t n = k_end - k < kBlock ? k_end - k : kBlock;
    const DecodedBlock<kPanelRows> block(w, k, k + n, decoder_of(w.type));
    unpack_rows<Panel, RowF32>(block.rows(), 0, n, out);
  }
}

template <class Panel>
void unpack_panel(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  switch (w.type) {
    case TensorType::F32:
      return unpack_rows<Panel, RowF32>(w, k_begin, k_end, panel);
    case TensorType::F16:
      return unpack_rows<Panel, RowF16>(w, k_begin, k_end, panel);
    case TensorType::BF16:
      return unpack_rows<Panel, RowBF16>(w, k_begin, k_end, panel);
    case TensorType::Q8_0:
      return unpack_rows<Panel, QuantisedRow<BlocksQ8_0>>(w, k_begin, k_end, panel);
    case TensorType::Q4_0:
      return unpack_rows<Panel, QuantisedRow<BlocksQ4_0>>(w, k_begin, k_end, panel);
    case TensorType::Q4_1:
      return unpack_rows<Panel, QuantisedRow<BlocksQ4_1>>(w, k_begin, k_end, panel);
    case TensorType::Q5_0:
      return unpack_rows<Panel, QuantisedRow<BlocksQ5_0>>(w, k_begin, k_end, panel);
    case TensorType::Q5_1:
      return unpack_rows<Panel, QuantisedRow<BlocksQ5_1>>(w, k_begin, k_end, panel);
    case TensorType::Q2_K:
      return unpack_rows<Panel, QuantisedRow<BlocksQ2_K>>(w, k_begin, k_end, panel);
    case TensorType::Q3_K:
      return unpack_rows<Panel, QuantisedRow<BlocksQ3_K>>(w, k_begin, k_end, panel);
    case TensorType::Q4_K:
      return unpack_rows<Panel, QuantisedRow<BlocksQ4_K>>(w, k_begin, k_end, panel);
    case TensorType::Q5_K:
      return unpack_rows<Panel, QuantisedRow<BlocksQ5_K>>(w, k_begin, k_end, panel);
    case TensorType::Q6_K:
      return unpack_rows<Panel, QuantisedRow<BlocksQ6_K>>(w, k_begin, k_end, panel);
    case TensorType::IQ4_NL:
      return unpack_rows<Panel, QuantisedRow<BlocksIQ4_NL>>(w, k_begin, k_end, panel);
    case TensorType::IQ4_XS:
      return unpack_rows<Panel, QuantisedRow<BlocksIQ4_XS>>(w, k_begin, k_end, panel);
    case TensorType::MXFP4:
      return unpack_rows<Panel, QuantisedRow<BlocksMXFP4>>(w, k_begin, k_end, panel);
    default:
      return unpack_decoded<Panel>(w, k_begin, k_end, panel);
  }
}

// columns[i] is lane i of each row.
inline void transpose4(const float32x4_t rows[4], float32x4_t columns[4]) {
  const float32x4_t a = vtrn1q_f32(rows[0], rows[1]), b = vtrn2q_f32(rows[0], rows[1]);
  const float32x4_t c = vtrn1q_f32(rows[2], rows[3]), d = vtrn2q_f32(rows[2], rows[3]);
  columns[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(c));
  columns[1] = vcombine_f32(vget_low_f32(b), vget_low_f32(d));
  columns[2] = vcombine_f32(vget_high_f32(a), vget_high_f32(c));
  columns[3] = vcombine_f32(vget_high_f32(b), vget_high_f32(d));
}

// A token's sums for the rows of a panel, or the n of them that exist, to or from y.
inline void copy_rows(float* to, const float* from, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = from[i];
}

}  // namespace
}  // namespace quipu::kernels
