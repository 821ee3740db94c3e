#include "kernels/attention.h"

#include "kernels/attention_impl.h"
#include "kernels/neon/simd.h"

namespace quipu::kernels::neon {

const AttentionKernels kAttention = AttentionOps<Simd>::table();

}  // namespace quipu::kernels::neon
