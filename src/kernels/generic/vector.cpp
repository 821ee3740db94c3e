#include "kernels/vector.h"

#include "kernels/generic/simd.h"
#include "kernels/vector_impl.h"

namespace quipu::kernels::generic {

const VectorKernels kVector = VectorOps<Simd>::table();

}  // namespace quipu::kernels::generic
