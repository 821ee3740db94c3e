// GEMM of quantised weights as bytes, for AVX-VNNI.
#include "kernels/avx2/gemm_bytes.h"
#include "kernels/avx2/quants_points.h"

namespace quipu::kernels {
namespace {

// Four products meet in 32 bits, which have room for any run.
struct Dot {
  static constexpr size_t kSumOfOne = 4 * 127, kMaxSum = 0x7fffffff;
  [[gnu::always_inline]] static __m256i begin(__m256i start) { return start; }
  [[gnu::always_inline]] static void add(__m256i& sum, __m256i w, __m256i x) {
    sum = _mm256_dpbusd_avx_epi32(sum, w, x);
  }
  [[gnu::always_inline]] static __m256i end(__m256i sum, __m256i) { return sum; }
};

template <class Quants>
struct PointBytesOf {
  static constexpr GemmKernels value =
      gemm_of<Bytes<Dot, Quants::kBlock, false, Quants::kBlock / 4>, Quants>(GemmKernels::Operands::int8, pack_x8);
};

}  // namespace

constinit const GemmTable avx_vnni::gemm_int8 = [] {
  GemmTable table{};
  const auto set = [&table](TensorType type, const GemmKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::Q4_0, kGemmBytes<Dot, TensorType::Q4_0>);
  set(TensorType::Q4_1, kGemmBytes<Dot, TensorType::Q4_1>);
  set(TensorType::Q5_0, kGemmBytes<Dot, TensorType::Q5_0>);
  set(TensorType::Q5_1, kGemmBytes<Dot, TensorType::Q5_1>);
  set(TensorType::Q8_0, kGemmBytes<Dot, TensorType::Q8_0>);
  set(TensorType::Q2_K, kGemmBytes<Dot, TensorType::Q2_K>);
  set(TensorType::Q3_K, kGemmBytes<Dot, TensorType::Q3_K>);
  set(TensorType::Q4_K, kGemmBytes<Dot, TensorType::Q4_K>);
  set(TensorType::Q5_K, kGemmBytes<Dot, TensorType::Q5_K>);
  set(TensorType::Q6_K, kGemmBytes<Dot, TensorType::Q6_K>);
  set(TensorType::IQ4_NL, kGemmBytes<Dot, TensorType::IQ4_NL>);
  set(TensorType::IQ4_XS, kGemmBytes<Dot, TensorType::IQ4_XS>);
  set(TensorType::MXFP4, kGemmBytes<Dot, TensorType::MXFP4>);
  set_points<PointBytesOf>(table);
  return table;
}();

}  // namespace quipu::kernels
