#include "kernels/attention.h"

#include "kernels/attention_impl.h"
#include "kernels/generic/simd.h"

namespace quipu::kernels::generic {

const AttentionKernels kAttention = AttentionOps<Simd>::table();

}  // namespace quipu::kernels::generic
