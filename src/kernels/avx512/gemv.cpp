// The fused kernels for few tokens, with multiply-add and addition.
#include "kernels/avx512/gemv.h"

namespace quipu::kernels {
namespace {

struct Dot {
  static constexpr size_t kTokens = 4;
  static __m512i add(__m512i sum, __m512i a, __m512i b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
};

}  // namespace

constinit const GemvTable avx512::gemv = gemv_table<Dot>();

}  // namespace quipu::kernels
