#include "kernels/vector.h"

#include "kernels/neon/simd.h"
#include "kernels/vector_impl.h"

namespace quipu::kernels::neon {

const VectorKernels kVector = VectorOps<Simd>::table();

}  // namespace quipu::kernels::neon
