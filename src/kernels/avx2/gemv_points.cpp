// Fused matrix-vector kernels for the types of x86/points.h. With more than one token 256 weights at a time are
// unpacked to the stack, and a loop over tokens goes on from there: unpacking costs more than multiplying.
#include "kernels/avx2/pack16.h"
#include "kernels/tables.h"
#include "kernels/x86/points_plain.h"

namespace quipu::kernels {
namespace {

constexpr size_t kMaxTokens = 8;

// 256 weights as 16-bit integers in Order::nibbles16, and the scales of each 8 sums.
struct Unpacked {
  __m256i words[16];
  __m256 scales[8];
};

template <TensorType kType>
[[gnu::always_inline]] inline void unpack_chunk(const Points<kType>& points, size_t c, __m256i words[2],
                                                __m256& scales) {
  const __m256i v = signed_bytes(points, c);
  words[0] = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
  words[1] = _mm256_srai_epi16(v, 8);
  const __m256i first = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  scales = _mm256_permutevar8x32_ps(points.scales[c / 4],
                                    _mm256_add_epi32(first, _mm256_set1_epi32(static_cast<int>(2 * (c % 4)))));
}

// value + scales * the products of 32 weights.
[[gnu::always_inline]] inline __m256 add_chunk(__m256 value, const __m256i words[2], __m256 scales, const Packed256& x,
                                               size_t c) {
  const int16_t* q = x.q + 64 * (c / 2) + 16 * (c % 2);
  const __m256i even = _mm256_madd_epi16(words[0], _mm256_load_si256(reinterpret_cast<const __m256i*>(q)));
  const __m256i odd = _mm256_madd_epi16(words[1], _mm256_load_si256(reinterpret_cast<const __m256i*>(q + 32)));
  const __m256i dot = _mm256_add_epi32(even, odd);
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scales, value);
}

// sums[t] += the products of 256 weights with each token's x.
void add_tokens(const Unpacked& w, const std::byte* x, size_t x_stride, size_t n_tokens, __m256* sums) {
  for (size_t t = 0; t < n_tokens; ++t) {
    const auto& xt = *reinterpret_cast<const Packed256*>(x + t * x_stride);
    __m256 value = _mm256_setzero_ps();
    for (size_t c = 0; c < 8; ++c) value = add_chunk(value, w.words + 2 * c, w.scales[c], xt, c);
    sums[t] = _mm256_fmadd_ps(value, _mm256_set1_ps(xt.scale), sums[t]);
  }
}

template <TensorType kType>
[[gnu::always_inline]] inline void add_block(const std::byte* w, const std::byte* x, size_t x_stride, size_t n_tokens,
                                             __m256* sums) {
  const Points<kType> points(w);
  if (n_tokens == 1) {
    const auto& xt = *reinterpret_cast<const Packed256*>(x);
    __m256 value = _mm256_setzero_ps();
#pragma GCC unroll 8
    for (size_t c = 0; c < 8; ++c) {
      __m256i words[2];
      __m256 scales;
      unpack_chunk(points, c, words, scales);
      value = add_chunk(value, words, scales, xt, c);
    }
    sums[0] = _mm256_fmadd_ps(value, _mm256_set1_ps(xt.scale), sums[0]);
  } else {
    Unpacked unpacked;
    for (size_t c = 0; c < 8; ++c) unpack_chunk(points, c, unpacked.words + 2 * c, unpacked.scales[c]);
    add_tokens(unpacked, x, x_stride, n_tokens, sums);
  }
}

inline float sum_of(__m256 v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

template <TensorType kType>
void multiply_points(const WeightRows& w, const void* packed, size_t x_stride, size_t n_tokens, float* y,
                     size_t y_stride) {
  constexpr size_t kBytes = Points<kType>::kBytes;
  for (size_t r = 0; r < w.n_rows; ++r) {
    const std::byte* row = w.data + r * w.row_bytes;
    const auto* x = static_cast<const std::byte*>(packed);
    __m256 sums[kMaxTokens];
    for (__m256& sum : sums) sum = _mm256_setzero_ps();
    for (size_t i = 0; i < w.n_in / 256; ++i, row += kBytes, x += sizeof(Packed256)) {
      add_block<kType>(row, x, x_stride, n_tokens, sums);
    }
    if (Points<kType>::kPartial && w.n_in % 256 != 0) {
      std::byte padded[kBytes] = {};
      __builtin_memcpy(padded, row, kBytes * (w.n_in % 256) / 256);
      add_block<kType>(padded, x, x_stride, n_tokens, sums);
    }
    for (size_t t = 0; t < n_tokens; ++t) y[t * y_stride + r] = sum_of(sums[t]);
  }
}

template <TensorType kType>
constexpr GemvKernels kGemvPoints = {kMaxTokens, packed_bytes, pack_x16<Order::nibbles16>, multiply_points<kType>};

}  // namespace

constinit const GemvTable avx2::gemv_points = [] {
  GemvTable table{};
  const auto set = [&table](TensorType type, const GemvKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::IQ1_S, kGemvPoints<TensorType::IQ1_S>);
  set(TensorType::IQ1_M, kGemvPoints<TensorType::IQ1_M>);
  set(TensorType::IQ2_XXS, kGemvPoints<TensorType::IQ2_XXS>);
  set(TensorType::IQ2_XS, kGemvPoints<TensorType::IQ2_XS>);
  set(TensorType::IQ2_S, kGemvPoints<TensorType::IQ2_S>);
  set(TensorType::IQ3_XXS, kGemvPoints<TensorType::IQ3_XXS>);
  set(TensorType::IQ3_S, kGemvPoints<TensorType::IQ3_S>);
  set(TensorType::TQ1_0, kGemvPoints<TensorType::TQ1_0>);
  set(TensorType::TQ2_0, kGemvPoints<TensorType::TQ2_0>);
  set(TensorType::NVFP4, kGemvPoints<TensorType::NVFP4>);
  set(TensorType::Q1_0, kGemvPoints<TensorType::Q1_0>);
  set(TensorType::Q2_0, kGemvPoints<TensorType::Q2_0>);
  return table;
}();

}  // namespace quipu::kernels
