#include "kernels/attention.h"

#include "kernels/attention_impl.h"
#include "kernels/avx512/simd.h"

namespace quipu::kernels::avx512 {

const AttentionKernels kAttention = AttentionOps<Simd>::table();

}  // namespace quipu::kernels::avx512
