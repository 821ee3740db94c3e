// The codecs behind TypeTraits (types.h), one family a file. Contract of each: see TypeTraits::decode and ::encode.
#pragma once

#include <cstddef>

namespace quipu::quant {

// plain.cpp
void decode_f32(const std::byte* source, float* target, size_t n);
void encode_f32(const float* source, std::byte* target, size_t n);
void decode_f16(const std::byte* source, float* target, size_t n);
void encode_f16(const float* source, std::byte* target, size_t n);
void decode_bf16(const std::byte* source, float* target, size_t n);
void encode_bf16(const float* source, std::byte* target, size_t n);

// block32.cpp
void decode_q8_0(const std::byte* source, float* target, size_t n);
void encode_q8_0(const float* source, std::byte* target, size_t n);
void decode_q4_0(const std::byte* source, float* target, size_t n);
void encode_q4_0(const float* source, std::byte* target, size_t n);
void decode_q4_1(const std::byte* source, float* target, size_t n);
void encode_q4_1(const float* source, std::byte* target, size_t n);
void decode_q5_0(const std::byte* source, float* target, size_t n);
void encode_q5_0(const float* source, std::byte* target, size_t n);
void decode_q5_1(const std::byte* source, float* target, size_t n);
void encode_q5_1(const float* source, std::byte* target, size_t n);

// k_affine.cpp
void decode_q2_k(const std::byte* source, float* target, size_t n);
void encode_q2_k(const float* source, std::byte* target, size_t n);
void decode_q4_k(const std::byte* source, float* target, size_t n);
void encode_q4_k(const float* source, std::byte* target, size_t n);
void decode_q5_k(const std::byte* source, float* target, size_t n);
void encode_q5_k(const float* source, std::byte* target, size_t n);

// k_symmetric.cpp
void decode_q3_k(const std::byte* source, float* target, size_t n);
void encode_q3_k(const float* source, std::byte* target, size_t n);
void decode_q6_k(const std::byte* source, float* target, size_t n);
void encode_q6_k(const float* source, std::byte* target, size_t n);

}  // namespace quipu::quant
