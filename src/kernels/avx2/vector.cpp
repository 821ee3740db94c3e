#include "kernels/vector.h"

#include "kernels/avx2/simd.h"
#include "kernels/vector_impl.h"

namespace quipu::kernels::avx2 {

const VectorKernels kVector = VectorOps<Simd>::table();

}  // namespace quipu::kernels::avx2
