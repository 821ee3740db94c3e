// What the folders of the instruction sets offer to kernels.cpp. Inside this room only.
#pragma once

#include "kernels/kernels.h"

namespace quipu::kernels {

using GemmTable = decltype(Kernels::gemm);
using GemvTable = decltype(Kernels::gemv);

// What a matrix may consist of: every type with a codec. Every instruction set has kernels for all of them.
inline constexpr std::array kMatrixTypes = {
    quant::TensorType::F32,     quant::TensorType::F16,    quant::TensorType::BF16,   quant::TensorType::Q8_0,
    quant::TensorType::Q4_0,    quant::TensorType::Q4_1,   quant::TensorType::Q5_0,   quant::TensorType::Q5_1,
    quant::TensorType::Q2_K,    quant::TensorType::Q3_K,   quant::TensorType::Q4_K,   quant::TensorType::Q5_K,
    quant::TensorType::Q6_K,    quant::TensorType::Q8_K,   quant::TensorType::IQ1_S,  quant::TensorType::IQ1_M,
    quant::TensorType::IQ2_XXS, quant::TensorType::IQ2_XS, quant::TensorType::IQ2_S,  quant::TensorType::IQ3_XXS,
    quant::TensorType::IQ3_S,   quant::TensorType::IQ4_NL, quant::TensorType::IQ4_XS, quant::TensorType::TQ1_0,
    quant::TensorType::TQ2_0,   quant::TensorType::MXFP4,  quant::TensorType::NVFP4,  quant::TensorType::Q1_0,
    quant::TensorType::Q2_0};

namespace generic {
extern const GemmKernels gemm_f32;
extern const GemvTable gemv;
}  // namespace generic
namespace avx2 {
extern const GemmKernels gemm_f32;
extern const GemmTable gemm_int;  // null for types that it has no kernel for
extern const GemvTable gemv;
extern const GemvTable gemv_points;  // of the types in x86/points.h
}  // namespace avx2
namespace avx_vnni {
extern const GemmTable gemm_int8;  // null for types that it has no kernel for
extern const GemvTable gemv;
}  // namespace avx_vnni
namespace avx512 {
extern const GemmKernels gemm_f32;
extern const GemvTable gemv;
}  // namespace avx512
namespace avx512_vnni {
extern const GemmTable gemm_int8;  // null for types that it has no kernel for
extern const GemvTable gemv;
extern const GemvTable gemv_points;  // of types of few bits
}  // namespace avx512_vnni
namespace avx512_bf16 {
extern const GemmKernels gemm_bf16;
}
namespace amx_bf16 {
void multiply(const PanelProduct& product);  // of what avx512_bf16::gemm_bf16 packs and unpacks
extern const GemmKernels gemm_bf16x2;        // for F16 alone
}  // namespace amx_bf16
namespace neon {
extern const GemmKernels gemm_f32;
extern const GemvTable gemv;
}  // namespace neon
namespace neon_dotprod {
extern const GemmTable gemm_int8;  // null for types that it has no kernel for
extern const GemvTable gemv;
}  // namespace neon_dotprod
namespace neon_i8mm {
extern const GemmTable gemm_int8;
}
namespace neon_bf16 {
extern const GemmKernels gemm_bf16;
}

}  // namespace quipu::kernels
