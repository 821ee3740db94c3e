#include "kernels/attention.h"

#include "kernels/attention_impl.h"
#include "kernels/avx2/simd.h"

namespace quipu::kernels::avx2 {

const AttentionKernels kAttention = AttentionOps<Simd>::table();

}  // namespace quipu::kernels::avx2
