// Fused matrix-vector kernels for 1 to 8 tokens with NEON. x is taken as 16-bit integers with a scale for each 256, so
// that products with integer weights are exact and the only error is that of rounding x once. `Dot` says how the
// integers are stored and multiplied:
//   kMaxQ            the largest magnitude of an integer
//   Integers         256 of them, with store(run, low, high): 16 consecutive ones, 8 and 8
//   Weights, of(w)   16 weights, made ready once for all tokens
//   sums<kRuns>(w, x, run)  four sums that together are the products of kRuns times 16 weights with those of x from the
//                           run'th 16 on
// Sums fit 32 bits by far: 8 products of at most 128 * 32767.
#pragma once

#include "kernels/decoded_impl.h"
#include "kernels/neon/blocks.h"
#include "kernels/neon/few_bits_blocks.h"
#include "kernels/neon/grid_blocks.h"
#include "kernels/neon/plain.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;

inline constexpr size_t kMaxTokens = 8;
// A magnitude below this is taken as zero: its reciprocal times kMaxQ must not overflow.
inline constexpr float kLeastMax = 0x1p-100f;

// x = scale * q; with a NaN or infinity in it the scale is NaN and q are zeros.
template <class Dot>
struct alignas(64) Packed256 {
  typename Dot::Integers q;
  float sums16[16];  // scale * sum of q: of each 16,
  float sums32[8];   // and of each 32
  float scale;
};

template <class Dot>
size_t packed_bytes(size_t n_in) {
  return (n_in + 255) / 256 * sizeof(Packed256<Dot>);
}

// The scale for 256 elements and its reciprocal; zero elements (or a NaN scale) have a zero reciprocal.
struct Quantizer {
  float scale, inverse;
};

inline Quantizer quantizer_of(const float* x, float max_q) {
  int32x4_t max = vdupq_n_s32(0);
  for (size_t i = 0; i < 256; i += 4) {  // floats of one sign are in the order of their bits
    max = vmaxq_s32(max, vreinterpretq_s32_f32(vabsq_f32(vld1q_f32(x + i))));
  }
  const float largest = vgetq_lane_f32(vreinterpretq_f32_s32(vdupq_n_s32(vmaxvq_s32(max))), 0);
  if (!__builtin_isfinite(largest)) return {__builtin_nanf(""), 0};
  if (largest < kLeastMax) return {0, 0};
  return {largest / max_q, max_q / largest};
}

template <class Dot>
void pack_group(const float* x, Packed256<Dot>& out) {
  const Quantizer quantizer = quantizer_of(x, Dot::kMaxQ);
  int32_t sums[16];
  for (size_t run = 0; run < 16; ++run) {
    int16x4_t q[4];
    for (size_t i = 0; i < 4; ++i) {
      q[i] = vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 16 * run + 4 * i), quantizer.inverse)));
      if (quantizer.inverse == 0) q[i] = vdup_n_s16(0);
    }
    const int16x8_t low = vcombine_s16(q[0], q[1]), high = vcombine_s16(q[2], q[3]);
    out.q.store(run, low, high);
    sums[run] = vaddlvq_s16(low) + vaddlvq_s16(high);
    out.sums16[run] = quantizer.scale * static_cast<float>(sums[run]);
    if (run % 2 == 1) out.sums32[run / 2] = quantizer.scale * static_cast<float>(sums[run - 1] + sums[run]);
  }
  out.scale = quantizer.scale;
}

template <class Dot>
void pack_x16(const float* x, size_t n_in, void* packed) {
  auto* out = static_cast<Packed256<Dot>*>(packed);
  for (size_t k = 0; k < n_in; k += 256, ++out) {
    if (n_in - k >= 256) {
      pack_group(x + k, *out);
    } else {
      float padded[256] = {};
      __builtin_memcpy(padded, x + k, (n_in - k) * sizeof(float));
      pack_group(padded, *out);
    }
  }
}

// For F32, F16 and BF16: float32, padded with zeros to whole groups of 16.
inline size_t packed_float_bytes(size_t n_in) {
  return (n_in + 15) / 16 * 16 * sizeof(float);
}
inline void pack_floats(const float* x, size_t n_in, void* packed) {
  __builtin_memcpy(packed, x, n_in * sizeof(float));
  __builtin_memset(static_cast<float*>(packed) + n_in, 0, packed_float_bytes(n_in) - n_in * sizeof(float));
}

// Tokens' packed x.
template <typename Packed>
struct Tokens {
  const std::byte* x;
  size_t stride;
  [[nodiscard]] const Packed& at(size_t t, size_t i) const {
    return *(reinterpret_cast<const Packed*>(x + t * stride) + i);
  }
};

// Quantised types, 256 elements at a time.
template <class Dot, class Blocks>
struct GemvBlocks {
  using Packed = Packed256<Dot>;
  static constexpr size_t kRuns = Blocks::kScaled / 16;     // that share a scale
  static constexpr size_t kOfPair = 64 / Blocks::kScaled;   // scales of 64 elements
  static constexpr size_t kScales = 256 / Blocks::kScaled;  // of 256

  template <size_t kTokens>
  [[gnu::always_inline]] static inline void add(const Blocks& blocks, const Tokens<Packed>& x, size_t i,
                                                float32x4_t sum[kTokens]) {
    float32x4_t value[kTokens][2];  // two chains of multiply-adds, which take four cycles each
    for (size_t t = 0; t < kTokens; ++t) value[t][0] = value[t][1] = vdupq_n_f32(0);
    for (size_t j = 0; j < 4; ++j) {
      int8x16_t bytes[4];
      blocks.pair(j, bytes);
      const typename Dot::Weights w[4] = {Dot::of(bytes[0]), Dot::of(bytes[1]), Dot::of(bytes[2]), Dot::of(bytes[3])};
#pragma GCC unroll 4
      for (size_t b = 0; b < kOfPair; ++b) {
        const float scale = blocks.scales[kOfPair * j + b];
        for (size_t t = 0; t < kTokens; ++t) {
          const int32x4_t dot = Dot::template sums<kRuns>(w + kRuns * b, x.at(t, i).q, 4 * j + kRuns * b);
          value[t][b % 2] = vfmaq_n_f32(value[t][b % 2], vcvtq_f32_s32(dot), scale);
        }
      }
    }
    for (size_t t = 0; t < kTokens; ++t) {
      const Packed& xt = x.at(t, i);
      sum[t] = vfmaq_n_f32(sum[t], vaddq_f32(value[t][0], value[t][1]), xt.scale);
      if constexpr (Blocks::kHasOffsets) {
        const float* sums = kRuns == 1 ? xt.sums16 : xt.sums32;
        for (size_t s = 0; s < kScales; s += 4) {
          sum[t] = vfmaq_f32(sum[t], vld1q_f32(blocks.offsets + s), vld1q_f32(sums + s));
        }
      }
    }
  }

  template <size_t kRows, size_t kTokens>
  static void rows(const std::byte* w, size_t row_bytes, size_t n_in, const Tokens<Packed>& x, float* y,
                   size_t y_stride) {
    float32x4_t sum[kRows][kTokens];
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t t = 0; t < kTokens; ++t) sum[r][t] = vdupq_n_f32(0);
    }
    size_t i = 0;
    for (; i < n_in / 256; ++i, w += Blocks::kBytes) {
      for (size_t r = 0; r < kRows; ++r) add<kTokens>(Blocks(w + r * row_bytes), x, i, sum[r]);
    }
    if (const size_t n = n_in % 256; n != 0) {
      for (size_t r = 0; r < kRows; ++r) {
        std::byte padded[Blocks::kBytes] = {};
        __builtin_memcpy(padded, w + r * row_bytes, n * Blocks::kBytes / 256);
        add<kTokens>(Blocks(padded), x, i, sum[r]);
      }
    }
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t t = 0; t < kTokens; ++t) y[t * y_stride + r] = vaddvq_f32(sum[r][t]);
    }
  }
};

// F32, F16, BF16: 16 elements at a time, two registers of sums a row and token.
template <class Row>
struct GemvPlain {
  struct Packed {
    float x[16];
  };

  template <size_t kRows, size_t kTokens>
  static void rows(const std::byte* w, size_t row_bytes, size_t n_in, const Tokens<Packed>& x, float* y,
                   size_t y_stride) {
    constexpr size_t kPartBytes = Row::kBytes / 16;
    float32x4_t sum[kRows][kTokens][2];
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t t = 0; t < kTokens; ++t) sum[r][t][0] = sum[r][t][1] = vdupq_n_f32(0);
    }
    const auto add = [&](size_t r, const std::byte* part, size_t i) {
      float32x4_t v[4];
      Row(part).floats(0, 0, v);
      for (size_t t = 0; t < kTokens; ++t) {
        const float* xt = x.at(t, i).x;
        for (size_t q = 0; q < 4; ++q) sum[r][t][q % 2] = vfmaq_f32(sum[r][t][q % 2], v[q], vld1q_f32(xt + 4 * q));
      }
    };
    size_t i = 0;
    for (; i < n_in / 16; ++i, w += kPartBytes) {
      for (size_t r = 0; r < kRows; ++r) add(r, w + r * row_bytes, i);
    }
    if (const size_t n = n_in % 16; n != 0) {
      for (size_t r = 0; r < kRows; ++r) {
        std::byte padded[kPartBytes] = {};
        __builtin_memcpy(padded, w + r * row_bytes, n * kPartBytes / 16);
        add(r, padded, i);
      }
    }
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t t = 0; t < kTokens; ++t) y[t * y_stride + r] = vaddvq_f32(vaddq_f32(sum[r][t][0], sum[r][t][1]));
    }
  }
};

template <class Kernel, size_t kRows, size_t kTokens>
void all_rows(const WeightRows& w, const void* x, size_t x_stride, float* y, size_t y_stride) {
  const Tokens<typename Kernel::Packed> tokens{static_cast<const std::byte*>(x), x_stride};
  const std::byte* row = w.data;
  size_t r = 0;
  for (; r + kRows <= w.n_rows; r += kRows, row += kRows * w.row_bytes) {
    Kernel::template rows<kRows, kTokens>(row, w.row_bytes, w.n_in, tokens, y + r, y_stride);
  }
  for (; r < w.n_rows; ++r, row += w.row_bytes) {
    Kernel::template rows<1, kTokens>(row, w.row_bytes, w.n_in, tokens, y + r, y_stride);
  }
}

// One token takes four rows at a time: four streams of the file, and work that does not wait for the row before.
template <class Kernel>
void multiply_few(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y, size_t y_stride) {
  switch (n_tokens) {
    case 1:
      return all_rows<Kernel, 4, 1>(w, x, x_stride, y, y_stride);
    case 2:
      return all_rows<Kernel, 1, 2>(w, x, x_stride, y, y_stride);
    case 3:
      return all_rows<Kernel, 1, 3>(w, x, x_stride, y, y_stride);
    case 4:
      return all_rows<Kernel, 1, 4>(w, x, x_stride, y, y_stride);
    case 5:
      return all_rows<Kernel, 1, 5>(w, x, x_stride, y, y_stride);
    case 6:
      return all_rows<Kernel, 1, 6>(w, x, x_stride, y, y_stride);
    case 7:
      return all_rows<Kernel, 1, 7>(w, x, x_stride, y, y_stride);
    case 8:
      return all_rows<Kernel, 1, 8>(w, x, x_stride, y, y_stride);
    default:
      __builtin_trap();
  }
}

// sums[t] += 256 weights without offsets times each token's x. `scales`: one for each kScaled weights.
template <class Dot, size_t kScaled>
void add_unpacked(const int8x16_t bytes[16], const float* scales, const Tokens<Packed256<Dot>>& x, size_t n_tokens,
                  size_t i, float32x4_t* sums) {
  constexpr size_t kRuns = kScaled / 16;
  for (size_t t = 0; t < n_tokens; ++t) {
    const Packed256<Dot>& xt = x.at(t, i);
    float32x4_t value[2] = {vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t s = 0; s < 256 / kScaled; ++s) {
      typename Dot::Weights w[kRuns];
      for (size_t run = 0; run < kRuns; ++run) w[run] = Dot::of(bytes[kRuns * s + run]);
      value[s % 2] = vfmaq_n_f32(value[s % 2], vcvtq_f32_s32(Dot::template sums<kRuns>(w, xt.q, kRuns * s)), scales[s]);
    }
    sums[t] = vfmaq_n_f32(sums[t], vaddq_f32(value[0], value[1]), xt.scale);
  }
}

template <class Blocks>
[[gnu::always_inline]] inline void unpack_block(const Blocks& blocks, int8x16_t bytes[16]) {
  for (size_t j = 0; j < 4; ++j) blocks.pair(j, bytes + 4 * j);
}

// For types whose unpacking costs more than multiplying: it goes through the stack, so that one small kernel serves any
// number of tokens.
template <class Dot, class Blocks>
void multiply_unpacked(const WeightRows& w, const void* x, size_t x_stride, size_t n_tokens, float* y,
                       size_t y_stride) {
  static_assert(!Blocks::kHasOffsets);
  const Tokens<Packed256<Dot>> tokens{static_cast<const std::byte*>(x), x_stride};
  for (size_t r = 0; r < w.n_rows; ++r) {
    float32x4_t sums[kMaxTokens];
    for (float32x4_t& sum : sums) sum = vdupq_n_f32(0);
    const std::byte* p = w.data + r * w.row_bytes;
    for (size_t i = 0; 256 * i < w.n_in; ++i, p += Blocks::kBytes) {
      const size_t n = w.n_in - 256 * i < 256 ? w.n_in - 256 * i : 256;
      std::byte padded[Blocks::kBytes];
      if (n < 256) {
        __builtin_memset(padded, 0, sizeof padded);
        __builtin_memcpy(padded, p, n * Blocks::kBytes / 256);
      }
      const Blocks blocks(n < 256 ? padded : p);
      int8x16_t bytes[16];
      unpack_block(blocks, bytes);
      add_unpacked<Dot, Blocks::kScaled>(bytes, blocks.scales, tokens, n_tokens, i, sums);
    }
    for (size_t t = 0; t < n_tokens; ++t) y[t * y_stride + r] = vaddvq_f32(sums[t]);
  }
}

template <class Dot, class Blocks>
inline constexpr GemvKernels kGemvUnpacked = {kMaxTokens, packed_bytes<Dot>, pack_x16<Dot>,
                                              multiply_unpacked<Dot, Blocks>};
template <class Dot, class Blocks>
inline constexpr GemvKernels kGemvBlocks = {kMaxTokens, packed_bytes<Dot>, pack_x16<Dot>,
                                            multiply_few<GemvBlocks<Dot, Blocks>>};
template <class Row>
inline constexpr GemvKernels kGemvPlain = {kMaxTokens, packed_float_bytes, pack_floats, multiply_few<GemvPlain<Row>>};

template <class Dot>
consteval GemvTable gemv_table() {
  GemvTable table = decoded_gemv_table();
  const auto set = [&table](TensorType type, const GemvKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::F32, kGemvPlain<RowF32>);
  set(TensorType::F16, kGemvPlain<RowF16>);
  set(TensorType::BF16, kGemvPlain<RowBF16>);
  set(TensorType::Q4_0, kGemvBlocks<Dot, BlocksQ4_0>);
  set(TensorType::Q4_1, kGemvBlocks<Dot, BlocksQ4_1>);
  set(TensorType::Q5_0, kGemvBlocks<Dot, BlocksQ5_0>);
  set(TensorType::Q5_1, kGemvBlocks<Dot, BlocksQ5_1>);
  set(TensorType::Q8_0, kGemvBlocks<Dot, BlocksQ8_0>);
  set(TensorType::Q2_K, kGemvBlocks<Dot, BlocksQ2_K>);
  set(TensorType::Q3_K, kGemvBlocks<Dot, BlocksQ3_K>);
  set(TensorType::Q4_K, kGemvBlocks<Dot, BlocksQ4_K>);
  set(TensorType::Q5_K, kGemvBlocks<Dot, BlocksQ5_K>);
  set(TensorType::Q6_K, kGemvBlocks<Dot, BlocksQ6_K>);
  set(TensorType::IQ4_NL, kGemvBlocks<Dot, BlocksIQ4_NL>);
  set(TensorType::IQ4_XS, kGemvBlocks<Dot, BlocksIQ4_XS>);
  set(TensorType::MXFP4, kGemvBlocks<Dot, BlocksMXFP4>);
  set(TensorType::IQ1_S, kGemvUnpacked<Dot, BlocksIQ1_S>);
  set(TensorType::IQ1_M, kGemvUnpacked<Dot, BlocksIQ1_M>);
  set(TensorType::IQ2_XXS, kGemvUnpacked<Dot, BlocksIQ2_XXS>);
  set(TensorType::IQ2_XS, kGemvUnpacked<Dot, BlocksIQ2_XS>);
  set(TensorType::IQ2_S, kGemvUnpacked<Dot, BlocksIQ2_S>);
  set(TensorType::IQ3_XXS, kGemvUnpacked<Dot, BlocksIQ3_XXS>);
  set(TensorType::IQ3_S, kGemvUnpacked<Dot, BlocksIQ3_S>);
  set(TensorType::TQ1_0, kGemvUnpacked<Dot, BlocksTQ1_0>);
  set(TensorType::TQ2_0, kGemvUnpacked<Dot, BlocksTQ2_0>);
  set(TensorType::NVFP4, kGemvUnpacked<Dot, BlocksNVFP4>);
  set(TensorType::Q1_0, kGemvUnpacked<Dot, BlocksQ1_0>);
  set(TensorType::Q2_0, kGemvUnpacked<Dot, BlocksQ2_0>);
  return table;
}

}  // namespace
}  // namespace quipu::kernels
