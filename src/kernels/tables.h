// What the folders of the instruction sets offer to kernels.cpp. Inside this room only.
#pragma once

#include "kernels/kernels.h"

namespace quipu::kernels {

namespace generic {
extern const GemmKernels gemm_f32;
}
namespace avx2 {
extern const GemmKernels gemm_f32;
}
namespace avx512 {
extern const GemmKernels gemm_f32;
}
namespace avx512_bf16 {
extern const GemmKernels gemm_bf16;
}

}  // namespace quipu::kernels
