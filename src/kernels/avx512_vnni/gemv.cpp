// The fused kernels for few tokens, with vpdpwssd.
#include "kernels/avx512/gemv.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr size_t kTokens = 3;  // with more, kernels for prompts are faster
  static __m512i add(__m512i sum, __m512i a, __m512i b) { return _mm512_dpwssd_epi32(sum, a, b); }
};

}  // namespace

constinit const GemvTable avx512_vnni::gemv = gemv_table<Dot>();

}  // namespace quipu::kernels
