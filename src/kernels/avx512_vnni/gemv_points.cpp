// Fused matrix-vector kernels for the types of few bits, with dot products of bytes.
#include "kernels/avx512_vnni/grid_bytes.h"
#include "kernels/avx512_vnni/packed_bytes.h"
#include "kernels/avx512_vnni/plain_bytes.h"
#include "kernels/tables.h"
#include "kernels/x86/few_tokens.h"

namespace quipu::kernels {
namespace {

using quant::TensorType;

// sum + the products of kRegisters registers from `first` on, which share the scales.
template <size_t kRegisters>
[[gnu::always_inline]] inline __m512 add_registers(const __m512i* bytes, __m512i start, __m512 scales,
                                                   const PackedBytes& x, size_t first, __m512 sum) {
  __m512i high = _mm512_setzero_si512(), low = start;
  for (size_t r = first; r < first + kRegisters; ++r) {
    high = _mm512_dpbusd_epi32(high, bytes[r], _mm512_load_si512(x.high[r]));
    low = _mm512_dpbusd_epi32(low, bytes[r], _mm512_load_si512(x.low[r]));
  }
  const __m512 dot = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(high, 8), low));
  return _mm512_fmadd_ps(_mm512_mul_ps(dot, scales), _mm512_set1_ps(x.scale), sum);
}

// sum + the products of 256 weights.
template <bool kHalves>
[[gnu::always_inline]] inline __m512 add_block(const __m512i* bytes, const __m512* scales, const PackedBytes& x,
                                               __m512 sum) {
  const __m512i first = _mm512_load_si512(x.start[0]), second = _mm512_load_si512(x.start[1]);
  if constexpr (kHalves) {
    sum = add_registers<2>(bytes, first, scales[0], x, 0, sum);
    return add_registers<2>(bytes, second, scales[1], x, 2, sum);
  }
  return add_registers<4>(bytes, _mm512_add_epi32(first, second), scales[0], x, 0, sum);
}

template <TensorType kType, size_t kTokens>
void multiply_rows(const WeightRows& w, const Tokens<PackedBytes>& tokens, float* y, size_t y_stride) {
  using Weights = GridBytes<kType>;
  const auto* table = Weights::table();
  const size_t n_blocks = w.n_in / 256, rest = w.n_in % 256;
  for (size_t r = 0; r < w.n_rows; ++r) {
    __m512 sums[kTokens];
    for (__m512& sum : sums) sum = _mm512_setzero_ps();
    const auto add = [&](const std::byte* block, size_t i) {
      const Weights weights(block, table);
      for (size_t t = 0; t < kTokens; ++t) {
        sums[t] = add_block<Weights::kHalves>(weights.bytes, weights.scales, tokens.at(t, i), sums[t]);
      }
    };
    const std::byte* block = w.data + r * w.row_bytes;
    for (size_t i = 0; i < n_blocks; ++i, block += Weights::kBytes) {
      prefetch_weights<Weights::kBytes>(block);
      add(block, i);
    }
    if (Weights::kPartial && rest != 0) {
      std::byte padded[Weights::kBytes] = {};
      __builtin_memcpy(padded, block, Weights::kBytes * rest / 256);
      add(padded, n_blocks);
    }
    for (size_t t = 0; t < kTokens; ++t) y[t * y_stride + r] = _mm512_reduce_add_ps(sums[t]);
  }
}

// Five to eight tokens in two parts: from six on the GEMM takes over.
template <TensorType kType>
void multiply(const WeightRows& w, const void* packed, size_t x_stride, size_t n_tokens, float* y, size_t y_stride) {
  using MultiplyRows = void (*)(const WeightRows&, const Tokens<PackedBytes>&, float*, size_t);
  static constexpr MultiplyRows kFor[4] = {multiply_rows<kType, 1>, multiply_rows<kType, 2>, multiply_rows<kType, 3>,
                                           multiply_rows<kType, 4>};
  const Tokens<PackedBytes> tokens{static_cast<const std::byte*>(packed), x_stride};
  const size_t first = n_tokens <= 4 ? n_tokens : (n_tokens + 1) / 2;
  kFor[first - 1](w, tokens, y, y_stride);
  if (first == n_tokens) return;
  kFor[n_tokens - first - 1](w, {tokens.x + first * x_stride, x_stride}, y + first * y_stride, y_stride);
}

template <TensorType kType>
constexpr GemvKernels kGemvBytes = {kMaxTokens, packed_bytes_bytes, pack_bytes<GridBytes<kType>::kOrder>,
                                    multiply<kType>};

}  // namespace

constinit const GemvTable avx512_vnni::gemv_points = [] {
  GemvTable table{};
  const auto set = [&table](TensorType type, const GemvKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::IQ1_S, kGemvBytes<TensorType::IQ1_S>);
  set(TensorType::IQ1_M, kGemvBytes<TensorType::IQ1_M>);
  set(TensorType::IQ2_XXS, kGemvBytes<TensorType::IQ2_XXS>);
  set(TensorType::IQ2_XS, kGemvBytes<TensorType::IQ2_XS>);
  set(TensorType::IQ2_S, kGemvBytes<TensorType::IQ2_S>);
  set(TensorType::IQ3_XXS, kGemvBytes<TensorType::IQ3_XXS>);
  set(TensorType::IQ3_S, kGemvBytes<TensorType::IQ3_S>);
  set(TensorType::TQ1_0, kGemvBytes<TensorType::TQ1_0>);
  set(TensorType::TQ2_0, kGemvBytes<TensorType::TQ2_0>);
  set(TensorType::NVFP4, kGemvBytes<TensorType::NVFP4>);
  set(TensorType::Q1_0, kGemvBytes<TensorType::Q1_0>);
  set(TensorType::Q2_0, kGemvBytes<TensorType::Q2_0>);
  return table;
}();

}  // namespace quipu::kernels
