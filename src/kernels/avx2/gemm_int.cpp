// GEMM of quantised weights as integers, for AVX2.
#include "kernels/avx2/gemm_bytes.h"
#include "kernels/avx2/gemm_scaled.h"
#include "kernels/avx2/gemm_words.h"
#include "kernels/avx2/quants_points.h"

namespace quipu::kernels {
namespace {

// Two products meet in 16 bits, and so do as many more as fit.
struct Dot {
  static constexpr size_t kSumOfOne = 2 * 127, kMaxSum = 32767;
  [[gnu::always_inline]] static __m256i begin(__m256i) { return _mm256_setzero_si256(); }
  [[gnu::always_inline]] static void add(__m256i& sum, __m256i w, __m256i x) {
    add_in_place16(sum, _mm256_maddubs_epi16(w, x));
  }
  [[gnu::always_inline]] static __m256i end(__m256i sum, __m256i start) {
    return _mm256_add_epi32(start, _mm256_madd_epi16(sum, _mm256_set1_epi16(1)));
  }
};

}  // namespace

constinit const GemmTable avx2::gemm_int = [] {
  GemmTable table{};
  const auto set = [&table](TensorType type, const GemmKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::Q4_0, kGemmBytes<Dot, TensorType::Q4_0>);
  set(TensorType::Q4_1, kGemmBytes<Dot, TensorType::Q4_1>);
  set(TensorType::Q5_0, kGemmBytes<Dot, TensorType::Q5_0>);
  set(TensorType::Q5_1, kGemmBytes<Dot, TensorType::Q5_1>);
  set(TensorType::Q8_0, kGemmWords<TensorType::Q8_0>);
  set(TensorType::Q2_K, kGemmBytes<Dot, TensorType::Q2_K>);
  set(TensorType::Q3_K, kGemmScaled<TensorType::Q3_K>);
  set(TensorType::Q4_K, kGemmBytes<Dot, TensorType::Q4_K>);
  set(TensorType::Q5_K, kGemmBytes<Dot, TensorType::Q5_K>);
  set(TensorType::Q6_K, kGemmScaled<TensorType::Q6_K>);
  set(TensorType::IQ4_NL, kGemmWords<TensorType::IQ4_NL>);
  set(TensorType::IQ4_XS, kGemmWords<TensorType::IQ4_XS>);
  set(TensorType::MXFP4, kGemmBytes<Dot, TensorType::MXFP4>);
  set_points<WordsOf>(table);
  return table;
}();

}  // namespace quipu::kernels
