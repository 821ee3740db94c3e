// The two halves of a GEMM kernel that are the same for every element of a panel: walking over rows while unpacking,
// and the register tile of 32 rows by up to 12 tokens. `Element` says how elements are stored and multiplied:
//   kRegisters, pack(Floats32, registers): how many registers 32 elements are packed to (2 float32, 1 bfloat16)
// and, for multiply_panel,
//   kPerLane: k per 32-bit lane of them (1 float32, 2 bfloat16)
//   multiply_add(sum, x, w)
// A panel is [k / 32][kRegisters * 16][32 rows] lanes; where k ends within 32, zeros follow.
#pragma once

#include "kernels/ahead.h"
#include "kernels/avx512/decode.h"
#include "kernels/decoded_impl.h"
#include "kernels/x86/decode_points.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kPanelRows = 32;
// 12 tokens by two registers of rows are 24 sums; with two of weights and one of x they leave 5 of the 32 registers
// free.
inline constexpr size_t kTileTokens = 12;

inline constexpr size_t round_up(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// 16 rows by 32 of k, from `chunk` on; `n` (1..32) of them exist, the others and rows beyond n_rows are zeros.
template <class Element, quant::TensorType kType>
inline void unpack_chunk(const std::byte* row, size_t row_bytes, size_t n_rows, size_t chunk, size_t n, __m512i* out) {
  constexpr size_t kRegisters = Element::kRegisters;
  constexpr size_t kRegisterStride = kPanelRows / 16;
  __m512i v[kRegisters][16];
  for (size_t r = 0; r < 16; ++r) {
    __m512i packed[kRegisters];
    if (r < n_rows) {
      Element::pack(decode32<kType>(row + r * row_bytes, chunk, n), packed);
    } else {
      for (size_t i = 0; i < kRegisters; ++i) packed[i] = _mm512_setzero_si512();
    }
    for (size_t i = 0; i < kRegisters; ++i) v[i][r] = packed[i];
  }
  for (size_t i = 0; i < kRegisters; ++i) {
    transpose16(v[i]);
    for (size_t j = 0; j < 16; ++j) out[(16 * i + j) * kRegisterStride] = v[i][j];
  }
}

template <class Element, quant::TensorType kType>
void unpack_rows(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  for (size_t r = 0; r < kPanelRows; r += 16) {
    const size_t n_rows = r < w.n_rows ? w.n_rows - r : 0;
    __m512i* out = static_cast<__m512i*>(panel) + r / 16;
    for (size_t k = k_begin; k < k_end; k += 32) {
      const size_t n = k_end - k < 32 ? k_end - k : 32;
      unpack_chunk<Element, kType>(w.data + r * w.row_bytes, w.row_bytes, n_rows, k / 32, n, out);
      out += Element::kRegisters * 16 * (kPanelRows / 16);
    }
  }
}

template <class Element>
void unpack_decoded(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  constexpr size_t kBlock = GemmKernels::kBlock;
  auto* out = static_cast<__m512i*>(panel);
  for (size_t k = k_begin; k < k_end; k += kBlock, out += kBlock / 32 * Element::kRegisters * kPanelRows) {
    const size_t n = k_end - k < kBlock ? k_end - k : kBlock;
    const DecodedBlock<kPanelRows> block(w, k, k + n, decoder_of(w.type));
    unpack_rows<Element, quant::TensorType::F32>(block.rows(), 0, n, out);
  }
}

template <class Element>
void unpack_panel(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  using quant::TensorType;
  switch (w.type) {
    case TensorType::F32:
      return unpack_rows<Element, TensorType::F32>(w, k_begin, k_end, panel);
    case TensorType::F16:
      return unpack_rows<Element, TensorType::F16>(w, k_begin, k_end, panel);
    case TensorType::BF16:
      return unpack_rows<Element, TensorType::BF16>(w, k_begin, k_end, panel);
    case TensorType::Q8_0:
      return unpack_rows<Element, TensorType::Q8_0>(w, k_begin, k_end, panel);
    case TensorType::Q4_0:
      return unpack_rows<Element, TensorType::Q4_0>(w, k_begin, k_end, panel);
    case TensorType::Q4_1:
      return unpack_rows<Element, TensorType::Q4_1>(w, k_begin, k_end, panel);
    case TensorType::Q5_0:
      return unpack_rows<Element, TensorType::Q5_0>(w, k_begin, k_end, panel);
    case TensorType::Q5_1:
      return unpack_rows<Element, TensorType::Q5_1>(w, k_begin, k_end, panel);
    case TensorType::Q2_K:
      return unpack_rows<Element, TensorType::Q2_K>(w, k_begin, k_end, panel);
    case TensorType::Q3_K:
      return unpack_rows<Element, TensorType::Q3_K>(w, k_begin, k_end, panel);
    case TensorType::Q4_K:
      return unpack_rows<Element, TensorType::Q4_K>(w, k_begin, k_end, panel);
    case TensorType::Q5_K:
      return unpack_rows<Element, TensorType::Q5_K>(w, k_begin, k_end, panel);
    case TensorType::Q6_K:
      return unpack_rows<Element, TensorType::Q6_K>(w, k_begin, k_end, panel);
    case TensorType::IQ4_NL:
      return unpack_rows<Element, TensorType::IQ4_NL>(w, k_begin, k_end, panel);
    case TensorType::IQ4_XS:
      return unpack_rows<Element, TensorType::IQ4_XS>(w, k_begin, k_end, panel);
    case TensorType::MXFP4:
      return unpack_rows<Element, TensorType::MXFP4>(w, k_begin, k_end, panel);
    default:
      return unpack_decoded<Element>(w, k_begin, k_end, panel);
  }
}

template <class Element>
size_t lanes_of(const PanelProduct& p) {
  return (p.n_k + Element::kPerLane - 1) / Element::kPerLane;
}

// Products between two requests for memory: some hundreds of cycles.
constexpr size_t kLanesOfStep = 16;

// kTokens tokens by 32 rows, all sums in registers.
template <class Element, size_t kTokens>
void multiply_tile(const PanelProduct& p, const std::byte* x, float* y, Ahead& ahead) {
  using Lane = typename Element::Lane;
  const size_t lanes = lanes_of<Element>(p);
  const __m512i* panel = static_cast<const __m512i*>(p.panel);
  const __mmask16 rows0 = first16(p.n_rows), rows1 = first16(p.n_rows < 16 ? 0 : p.n_rows - 16);
  __m512 sum[kTokens][2];
  for (size_t t = 0; t < kTokens; ++t) {
    sum[t][0] = p.accumulate ? _mm512_maskz_loadu_ps(rows0, y + t * p.y_stride) : _mm512_setzero_ps();
    sum[t][1] = p.accumulate ? _mm512_maskz_loadu_ps(rows1, y + t * p.y_stride + 16) : _mm512_setzero_ps();
  }
  for (size_t k = 0; k < lanes; ++k) {
    if (k % kLanesOfStep == 0) ahead.step();
    const __m512i w0 = panel[2 * k], w1 = panel[2 * k + 1];
    for (size_t t = 0; t < kTokens; ++t) {
      const Lane xt = reinterpret_cast<const Lane*>(x + t * p.x_stride)[k];
      sum[t][0] = Element::multiply_add(sum[t][0], xt, w0);
      sum[t][1] = Element::multiply_add(sum[t][1], xt, w1);
    }
  }
  for (size_t t = 0; t < kTokens; ++t) {
    _mm512_mask_storeu_ps(y + t * p.y_stride, rows0, sum[t][0]);
    if (rows1 != 0) _mm512_mask_storeu_ps(y + t * p.y_stride + 16, rows1, sum[t][1]);
  }
}

template <class Element>
void multiply_tail(const PanelProduct& p, size_t n, const std::byte* x, float* y, Ahead& ahead) {
  switch (n) {
    case 1:
      return multiply_tile<Element, 1>(p, x, y, ahead);
    case 2:
      return multiply_tile<Element, 2>(p, x, y, ahead);
    case 3:
      return multiply_tile<Element, 3>(p, x, y, ahead);
    case 4:
      return multiply_tile<Element, 4>(p, x, y, ahead);
    case 5:
      return multiply_tile<Element, 5>(p, x, y, ahead);
    case 6:
      return multiply_tile<Element, 6>(p, x, y, ahead);
    case 7:
      return multiply_tile<Element, 7>(p, x, y, ahead);
    case 8:
      return multiply_tile<Element, 8>(p, x, y, ahead);
    case 9:
      return multiply_tile<Element, 9>(p, x, y, ahead);
    case 10:
      return multiply_tile<Element, 10>(p, x, y, ahead);
    case 11:
      return multiply_tile<Element, 11>(p, x, y, ahead);
    default:
      return;
  }
}

template <class Element>
void multiply_panel(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  Ahead ahead(p.ahead, (p.n_tokens + kTileTokens - 1) / kTileTokens *
                           ((lanes_of<Element>(p) + kLanesOfStep - 1) / kLanesOfStep));
  size_t t = 0;
  for (; t + kTileTokens <= p.n_tokens; t += kTileTokens) {
    multiply_tile<Element, kTileTokens>(p, x, y, ahead);
    x += kTileTokens * p.x_stride;
    y += kTileTokens * p.y_stride;
  }
  multiply_tail<Element>(p, p.n_tokens - t, x, y, ahead);
}

}  // namespace
}  // namespace quipu::kernels
