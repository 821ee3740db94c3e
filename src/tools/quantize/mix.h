// The names people know for quantised models ("Q4_K_M"): which type most tensors get, and the number in the file.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "quant/types.h"

namespace quipu::tools {

// Numbers as they stand in general.file_type.
enum class Mix : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q8_0 = 7,
  Q5_0 = 8,
  Q5_1 = 9,
  Q2_K = 10,
  Q3_K_S = 11,
  Q3_K_M = 12,
  Q3_K_L = 13,
  Q4_K_S = 14,
  Q4_K_M = 15,
  Q5_K_S = 16,
  Q5_K_M = 17,
  Q6_K = 18,
  IQ2_XXS = 19,
  IQ2_XS = 20,
  Q2_K_S = 21,
  IQ3_XS = 22,
  IQ3_XXS = 23,
  IQ1_S = 24,
  IQ4_NL = 25,
  IQ3_S = 26,
  IQ3_M = 27,
  IQ2_S = 28,
  IQ2_M = 29,
  IQ4_XS = 30,
  IQ1_M = 31,
  BF16 = 32,
  TQ1_0 = 36,
  TQ2_0 = 37,
  MXFP4_MOE = 38,
  Q1_0 = 40,
  Q2_0 = 41,
};

struct MixTraits {
  Mix mix;
  std::string_view name;
  quant::TensorType type;  // of most tensors
  double bits_per_weight;  // of `type`
};

// Null for a name that is none. Case is ignored; Q3_K, Q4_K and Q5_K are the _M mixes.
const MixTraits* find_mix(std::string_view name);
const MixTraits& mix_traits(Mix mix);
// From few bits to many.
std::span<const MixTraits> all_mixes();

}  // namespace quipu::tools
