// The codecs behind TypeTraits (types.h), one family a file. Contract of each: see TypeTraits::decode and
// ::encode_weighted.
#pragma once

#include <cstddef>

namespace quipu::quant {

// plain.cpp
void decode_f32(const std::byte* source, float* target, size_t n);
void encode_f32(const float* source, std::byte* target, size_t n, const float* importance);
void decode_f16(const std::byte* source, float* target, size_t n);
void encode_f16(const float* source, std::byte* target, size_t n, const float* importance);
void decode_bf16(const std::byte* source, float* target, size_t n);
void encode_bf16(const float* source, std::byte* target, size_t n, const float* importance);

// block32.cpp
void decode_q8_0(const std::byte* source, float* target, size_t n);
void encode_q8_0(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q4_0(const std::byte* source, float* target, size_t n);
void encode_q4_0(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q4_1(const std::byte* source, float* target, size_t n);
void encode_q4_1(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q5_0(const std::byte* source, float* target, size_t n);
void encode_q5_0(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q5_1(const std::byte* source, float* target, size_t n);
void encode_q5_1(const float* source, std::byte* target, size_t n, const float* importance);

// k_affine.cpp
void decode_q2_k(const std::byte* source, float* target, size_t n);
void encode_q2_k(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q4_k(const std::byte* source, float* target, size_t n);
void encode_q4_k(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q5_k(const std::byte* source, float* target, size_t n);
void encode_q5_k(const float* source, std::byte* target, size_t n, const float* importance);

// k_symmetric.cpp
void decode_q3_k(const std::byte* source, float* target, size_t n);
void encode_q3_k(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q6_k(const std::byte* source, float* target, size_t n);
void encode_q6_k(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q8_k(const std::byte* source, float* target, size_t n);
void encode_q8_k(const float* source, std::byte* target, size_t n, const float* importance);

// iq4.cpp
void decode_iq4_nl(const std::byte* source, float* target, size_t n);
void encode_iq4_nl(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq4_xs(const std::byte* source, float* target, size_t n);
void encode_iq4_xs(const float* source, std::byte* target, size_t n, const float* importance);

// few_bits.cpp
void decode_tq1_0(const std::byte* source, float* target, size_t n);
void encode_tq1_0(const float* source, std::byte* target, size_t n, const float* importance);
void decode_tq2_0(const std::byte* source, float* target, size_t n);
void encode_tq2_0(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q1_0(const std::byte* source, float* target, size_t n);
void encode_q1_0(const float* source, std::byte* target, size_t n, const float* importance);
void decode_q2_0(const std::byte* source, float* target, size_t n);
void encode_q2_0(const float* source, std::byte* target, size_t n, const float* importance);

// fp4.cpp
void decode_mxfp4(const std::byte* source, float* target, size_t n);
void encode_mxfp4(const float* source, std::byte* target, size_t n, const float* importance);
void decode_nvfp4(const std::byte* source, float* target, size_t n);
void encode_nvfp4(const float* source, std::byte* target, size_t n, const float* importance);

// grid_decode.cpp, grid_encode.cpp
void decode_iq1_s(const std::byte* source, float* target, size_t n);
void encode_iq1_s(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq1_m(const std::byte* source, float* target, size_t n);
void encode_iq1_m(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq2_xxs(const std::byte* source, float* target, size_t n);
void encode_iq2_xxs(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq2_xs(const std::byte* source, float* target, size_t n);
void encode_iq2_xs(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq2_s(const std::byte* source, float* target, size_t n);
void encode_iq2_s(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq3_xxs(const std::byte* source, float* target, size_t n);
void encode_iq3_xxs(const float* source, std::byte* target, size_t n, const float* importance);
void decode_iq3_s(const std::byte* source, float* target, size_t n);
void encode_iq3_s(const float* source, std::byte* target, size_t n, const float* importance);

}  // namespace quipu::quant
