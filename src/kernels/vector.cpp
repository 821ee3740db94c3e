#include "kernels/vector.h"

#include "base/check.h"
#include "kernels/kernels.h"

namespace quipu::kernels {

const VectorKernels& vector_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::avx512) return avx512::kVector;
  if (isa == Isa::avx2) return avx2::kVector;
#endif
  QUIPU_CHECK(isa == Isa::generic);
  return generic::kVector;
}

}  // namespace quipu::kernels
