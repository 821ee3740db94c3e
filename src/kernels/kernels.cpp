#include "kernels/kernels.h"

#include "base/check.h"
#include "kernels/attention.h"
#include "kernels/tables.h"
#include "kernels/vector.h"

namespace quipu::kernels {
namespace {

// A table whose types all use the same GEMM.
Kernels table_of(Isa isa, const GemmKernels& gemm, const GemmKernels& precise, const GemvTable& gemv) {
  Kernels table;
  table.isa = isa;
  for (const quant::TensorType type : kMatrixTypes) table.gemm[static_cast<size_t>(type)] = &gemm;
  table.gemm_precise = &precise;
  table.gemv = gemv;
  table.vector = &vector_kernels(isa);
  table.attention = &attention_kernels(isa);
  return table;
}

// The same with kernels of their own for some types.
[[maybe_unused]] Kernels with_gemm(Kernels table, const GemmTable& gemm) {
  for (size_t type = 0; type < kTypes; ++type) {
    if (gemm[type] != nullptr) table.gemm[type] = gemm[type];
  }
  return table;
}

[[maybe_unused]] Kernels with_gemv(Kernels table, const GemvTable& gemv) {
  for (size_t type = 0; type < kTypes; ++type) {
    if (gemv[type] != nullptr) table.gemv[type] = gemv[type];
  }
  return table;
}

// Kernels for the types that have more bits than bfloat16: llama.cpp uses them.
// Types whose weights bfloat16 would round.
[[maybe_unused]] GemmTable of_floats(const GemmKernels& float16, const GemmKernels& float32) {
  GemmTable table{};
  table[static_cast<size_t>(quant::TensorType::F16)] = &float16;
  table[static_cast<size_t>(quant::TensorType::F32)] = &float32;
  return table;
}

[[maybe_unused]] GemmKernels with_multiply(GemmKernels gemm, decltype(GemmKernels::multiply) multiply) {
  gemm.multiply = multiply;
  return gemm;
}

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::generic:
      return "generic";
    case Isa::avx2:
      return "avx2";
    case Isa::avx_vnni:
      return "avx_vnni";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_vnni:
      return "avx512_vnni";
    case Isa::avx512_bf16:
      return "avx512_bf16";
    case Isa::amx_bf16:
      return "amx_bf16";
    case Isa::neon:
      return "neon";
    case Isa::neon_dotprod:
      return "neon_dotprod";
    case Isa::neon_i8mm:
      return "neon_i8mm";
    case Isa::neon_bf16:
      return "neon_bf16";
  }
  QUIPU_CHECK(false);
}

#if defined(__x86_64__)

namespace {

// What AVX512-VNNI adds; `gemm` is for the types that it does not multiply as integers.
Kernels with_vnni(Isa isa, const GemmKernels& gemm) {
  const Kernels table = table_of(isa, gemm, avx512::gemm_f32, avx512_vnni::gemv);
  return with_gemm(with_gemv(table, avx512_vnni::gemv_points), avx512_vnni::gemm_int8);
}

}  // namespace

std::span<const Isa> all_isas() {
  static constexpr std::array kIsas = {Isa::generic,     Isa::avx2,        Isa::avx_vnni, Isa::avx512,
                                       Isa::avx512_vnni, Isa::avx512_bf16, Isa::amx_bf16};
  return kIsas;
}

const Kernels& kernels(Isa isa) {
  static const Kernels kGeneric = table_of(Isa::generic, generic::gemm_f32, generic::gemm_f32, generic::gemv);
  static const Kernels kAvx2 = with_gemm(
      with_gemv(table_of(Isa::avx2, avx2::gemm_f32, avx2::gemm_f32, avx2::gemv), avx2::gemv_points), avx2::gemm_int);
  static const Kernels kAvxVnni =
      with_gemm(with_gemv(table_of(Isa::avx_vnni, avx2::gemm_f32, avx2::gemm_f32, avx_vnni::gemv), avx2::gemv_points),
                avx_vnni::gemm_int8);
  static const Kernels kAvx512 =
      with_gemv(table_of(Isa::avx512, avx512::gemm_f32, avx512::gemm_f32, avx512::gemv), avx2::gemv_points);
  static const Kernels kAvx512Vnni = with_vnni(Isa::avx512_vnni, avx512::gemm_f32);
  static const Kernels kAvx512Bf16 =
      with_gemm(with_vnni(Isa::avx512_bf16, avx512_bf16::gemm_bf16), of_floats(avx512::gemm_f32, avx512::gemm_f32));
  static const GemmKernels kTileGemm = with_multiply(avx512_bf16::gemm_bf16, amx_bf16::multiply);
  static const Kernels kAmxBf16 = with_gemm(
      with_gemv(table_of(Isa::amx_bf16, kTileGemm, avx512::gemm_f32, avx512_vnni::gemv), avx512_vnni::gemv_points),
      of_floats(amx_bf16::gemm_bf16x2, avx512::gemm_f32));
  switch (isa) {
    case Isa::generic:
      return kGeneric;
    case Isa::avx2:
      return kAvx2;
    case Isa::avx_vnni:
      return kAvxVnni;
    case Isa::avx512:
      return kAvx512;
    case Isa::avx512_vnni:
      return kAvx512Vnni;
    case Isa::avx512_bf16:
      return kAvx512Bf16;
    case Isa::amx_bf16:
      return kAmxBf16;
    default:
      QUIPU_CHECK(false);
  }
}

const VectorKernels& vector_kernels(Isa isa) {
  QUIPU_CHECK(isa <= Isa::amx_bf16);
  return isa >= Isa::avx512 ? avx512::kVector : isa >= Isa::avx2 ? avx2::kVector : generic::kVector;
}

const AttentionKernels& attention_kernels(Isa isa) {
  QUIPU_CHECK(isa <= Isa::amx_bf16);
  return isa >= Isa::avx512 ? avx512::kAttention : isa >= Isa::avx2 ? avx2::kAttention : generic::kAttention;
}

#elif defined(__aarch64__)

std::span<const Isa> all_isas() {
  static constexpr std::array kIsas = {Isa::generic, Isa::neon, Isa::neon_dotprod, Isa::neon_i8mm, Isa::neon_bf16};
  return kIsas;
}

const Kernels& kernels(Isa isa) {
  static const Kernels kGeneric = table_of(Isa::generic, generic::gemm_f32, generic::gemm_f32, generic::gemv);
  static const Kernels kNeon = table_of(Isa::neon, neon::gemm_f32, neon::gemm_f32, neon::gemv);
  static const Kernels kNeonDotprod = with_gemm(
      table_of(Isa::neon_dotprod, neon::gemm_f32, neon::gemm_f32, neon_dotprod::gemv), neon_dotprod::gemm_int8);
  static const Kernels kNeonI8mm =
      with_gemm(table_of(Isa::neon_i8mm, neon::gemm_f32, neon::gemm_f32, neon_dotprod::gemv), neon_i8mm::gemm_int8);
  static const Kernels kNeonBf16 =
      with_gemm(table_of(Isa::neon_bf16, neon_bf16::gemm_bf16, neon::gemm_f32, neon_dotprod::gemv),
                of_floats(neon::gemm_f32, neon::gemm_f32));
  switch (isa) {
    case Isa::generic:
      return kGeneric;
    case Isa::neon:
      return kNeon;
    case Isa::neon_dotprod:
      return kNeonDotprod;
    case Isa::neon_i8mm:
      return kNeonI8mm;
    case Isa::neon_bf16:
      return kNeonBf16;
    default:
      QUIPU_CHECK(false);
  }
}

const VectorKernels& vector_kernels(Isa isa) {
  QUIPU_CHECK(isa == Isa::generic || isa >= Isa::neon);
  return isa == Isa::generic ? generic::kVector : neon::kVector;
}

const AttentionKernels& attention_kernels(Isa isa) {
  QUIPU_CHECK(isa == Isa::generic || isa >= Isa::neon);
  return isa == Isa::generic ? generic::kAttention : neon::kAttention;
}

#else

std::span<const Isa> all_isas() {
  static constexpr std::array kIsas = {Isa::generic};
  return kIsas;
}

const Kernels& kernels(Isa isa) {
  static const Kernels kGeneric = table_of(Isa::generic, generic::gemm_f32, generic::gemm_f32, generic::gemv);
  QUIPU_CHECK(isa == Isa::generic);
  return kGeneric;
}

const VectorKernels& vector_kernels(Isa isa) {
  QUIPU_CHECK(isa == Isa::generic);
  return generic::kVector;
}

const AttentionKernels& attention_kernels(Isa isa) {
  QUIPU_CHECK(isa == Isa::generic);
  return generic::kAttention;
}

#endif

}  // namespace quipu::kernels
