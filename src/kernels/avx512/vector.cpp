#include "kernels/vector.h"

#include "kernels/avx512/simd.h"
#include "kernels/vector_impl.h"

namespace quipu::kernels::avx512 {

const VectorKernels kVector = VectorOps<Simd>::table();

}  // namespace quipu::kernels::avx512
