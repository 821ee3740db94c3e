// The fused kernels for few tokens, with multiply-add and addition.
#include "kernels/avx2/gemv.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr size_t kTokens = 5;  // with more, kernels for prompts are faster
  static __m256i add(__m256i sum, __m256i a, __m256i b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
};

}  // namespace

constinit const GemvTable avx2::gemv = gemv_table<Dot>();

}  // namespace quipu::kernels
