// Every tensor type of GGUF: its name, its block, its scalar reference codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quipu::quant {

// Numbers as they stand in GGUF files.
enum class TensorType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  Q8_K = 15,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
  NVFP4 = 40,
  Q1_0 = 41,
  Q2_0 = 42,
};

struct TypeTraits {
  TensorType type;
  std::string_view name;    // as llama.cpp writes it: "Q4_K"
  uint32_t block_elements;  // elements that share one block; 1 for F32, F16, BF16
  uint32_t block_bytes;
  // n is a multiple of block_elements; source and target do not overlap. Null for types without a codec (I8 ...).
  void (*decode)(const std::byte* source, float* target, size_t n);
  // Lowers the sum of squared errors.
  void (*encode)(const float* source, std::byte* target, size_t n);
  // The same, each error counting by the importance [n] of its number, not negative and finite; null: all the same.
  void (*encode_weighted)(const float* source, std::byte* target, size_t n, const float* importance);
};

// Null for a number that is no type this program knows.
const TypeTraits* find_type(uint32_t number);
// Aborts if the type has no traits (ours always have).
const TypeTraits& traits(TensorType type);
// By name, case ignored.
const TypeTraits* find_type(std::string_view name);
std::span<const TypeTraits> all_types();

// Bytes of one row of `n` elements; nothing if n is no multiple of the block or the size overflows.
std::optional<uint64_t> row_bytes(TensorType type, uint64_t n);

}  // namespace quipu::quant
