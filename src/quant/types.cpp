#include "quant/types.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "base/checked.h"
#include "quant/blocks.h"
#include "quant/blocks_grid.h"
#include "quant/codecs.h"

namespace quipu::quant {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers of GGUF files are read as they lie");

template <typename Block>
constexpr uint32_t kBytes = static_cast<uint32_t>(sizeof(Block));

template <auto kEncode>
void unweighted(const float* source, std::byte* target, size_t n) {
  kEncode(source, target, n, nullptr);
}

constexpr std::array kTypes{
    TypeTraits{TensorType::F32, "F32", 1, 4, decode_f32, unweighted<encode_f32>, encode_f32},
    TypeTraits{TensorType::F16, "F16", 1, 2, decode_f16, unweighted<encode_f16>, encode_f16},
    TypeTraits{TensorType::BF16, "BF16", 1, 2, decode_bf16, unweighted<encode_bf16>, encode_bf16},
    TypeTraits{TensorType::Q8_0, "Q8_0", 32, kBytes<BlockQ8_0>, decode_q8_0, unweighted<encode_q8_0>, encode_q8_0},
    TypeTraits{TensorType::Q4_0, "Q4_0", 32, kBytes<BlockQ4_0>, decode_q4_0, unweighted<encode_q4_0>, encode_q4_0},
    TypeTraits{TensorType::Q4_1, "Q4_1", 32, kBytes<BlockQ4_1>, decode_q4_1, unweighted<encode_q4_1>, encode_q4_1},
    TypeTraits{TensorType::Q5_0, "Q5_0", 32, kBytes<BlockQ5_0>, decode_q5_0, unweighted<encode_q5_0>, encode_q5_0},
    TypeTraits{TensorType::Q5_1, "Q5_1", 32, kBytes<BlockQ5_1>, decode_q5_1, unweighted<encode_q5_1>, encode_q5_1},
    TypeTraits{TensorType::Q2_K, "Q2_K", 256, kBytes<BlockQ2_K>, decode_q2_k, unweighted<encode_q2_k>, encode_q2_k},
    TypeTraits{TensorType::Q3_K, "Q3_K", 256, kBytes<BlockQ3_K>, decode_q3_k, unweighted<encode_q3_k>, encode_q3_k},
    TypeTraits{TensorType::Q4_K, "Q4_K", 256, kBytes<BlockQ4_K>, decode_q4_k, unweighted<encode_q4_k>, encode_q4_k},
    TypeTraits{TensorType::Q5_K, "Q5_K", 256, kBytes<BlockQ5_K>, decode_q5_k, unweighted<encode_q5_k>, encode_q5_k},
    TypeTraits{TensorType::Q6_K, "Q6_K", 256, kBytes<BlockQ6_K>, decode_q6_k, unweighted<encode_q6_k>, encode_q6_k},
    TypeTraits{TensorType::Q8_K, "Q8_K", 256, kBytes<BlockQ8_K>, decode_q8_k, unweighted<encode_q8_k>, encode_q8_k},
    TypeTraits{TensorType::IQ1_S, "IQ1_S", 256, kBytes<BlockIQ1_S>, decode_iq1_s, unweighted<encode_iq1_s>,
               encode_iq1_s},
    TypeTraits{TensorType::IQ1_M, "IQ1_M", 256, kBytes<BlockIQ1_M>, decode_iq1_m, unweighted<encode_iq1_m>,
               encode_iq1_m},
    TypeTraits{TensorType::IQ2_XXS, "IQ2_XXS", 256, kBytes<BlockIQ2_XXS>, decode_iq2_xxs, unweighted<encode_iq2_xxs>,
               encode_iq2_xxs},
    TypeTraits{TensorType::IQ2_XS, "IQ2_XS", 256, kBytes<BlockIQ2_XS>, decode_iq2_xs, unweighted<encode_iq2_xs>,
               encode_iq2_xs},
    TypeTraits{TensorType::IQ2_S, "IQ2_S", 256, kBytes<BlockIQ2_S>, decode_iq2_s, unweighted<encode_iq2_s>,
               encode_iq2_s},
    TypeTraits{TensorType::IQ3_XXS, "IQ3_XXS", 256, kBytes<BlockIQ3_XXS>, decode_iq3_xxs, unweighted<encode_iq3_xxs>,
               encode_iq3_xxs},
    TypeTraits{TensorType::IQ3_S, "IQ3_S", 256, kBytes<BlockIQ3_S>, decode_iq3_s, unweighted<encode_iq3_s>,
               encode_iq3_s},
    TypeTraits{TensorType::IQ4_NL, "IQ4_NL", 32, kBytes<BlockIQ4_NL>, decode_iq4_nl, unweighted<encode_iq4_nl>,
               encode_iq4_nl},
    TypeTraits{TensorType::IQ4_XS, "IQ4_XS", 256, kBytes<BlockIQ4_XS>, decode_iq4_xs, unweighted<encode_iq4_xs>,
               encode_iq4_xs},
    TypeTraits{TensorType::TQ1_0, "TQ1_0", 256, kBytes<BlockTQ1_0>, decode_tq1_0, unweighted<encode_tq1_0>,
               encode_tq1_0},
    TypeTraits{TensorType::TQ2_0, "TQ2_0", 256, kBytes<BlockTQ2_0>, decode_tq2_0, unweighted<encode_tq2_0>,
               encode_tq2_0},
    TypeTraits{TensorType::Q1_0, "Q1_0", 128, kBytes<BlockQ1_0>, decode_q1_0, unweighted<encode_q1_0>, encode_q1_0},
    TypeTraits{TensorType::Q2_0, "Q2_0", 64, kBytes<BlockQ2_0>, decode_q2_0, unweighted<encode_q2_0>, encode_q2_0},
    TypeTraits{TensorType::MXFP4, "MXFP4", 32, kBytes<BlockMXFP4>, decode_mxfp4, unweighted<encode_mxfp4>,
               encode_mxfp4},
    TypeTraits{TensorType::NVFP4, "NVFP4", 64, kBytes<BlockNVFP4>, decode_nvfp4, unweighted<encode_nvfp4>,
               encode_nvfp4},
    TypeTraits{TensorType::I8, "I8", 1, 1, nullptr, nullptr, nullptr},
    TypeTraits{TensorType::I16, "I16", 1, 2, nullptr, nullptr, nullptr},
    TypeTraits{TensorType::I32, "I32", 1, 4, nullptr, nullptr, nullptr},
    TypeTraits{TensorType::I64, "I64", 1, 8, nullptr, nullptr, nullptr},
    TypeTraits{TensorType::F64, "F64", 1, 8, nullptr, nullptr, nullptr},
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

const TypeTraits* find_type(uint32_t number) {
  const auto* found = std::ranges::find(kTypes, number, [](const auto& t) { return static_cast<uint32_t>(t.type); });
  return found == kTypes.end() ? nullptr : found;
}

const TypeTraits* find_type(std::string_view name) {
  const auto* found =
      std::ranges::find_if(kTypes, [&](const auto& t) { return std::ranges::equal(t.name, name, {}, lower, lower); });
  return found == kTypes.end() ? nullptr : found;
}

const TypeTraits& traits(TensorType type) {
  const TypeTraits* found = find_type(static_cast<uint32_t>(type));
  QUIPU_CHECK(found != nullptr);
  return *found;
}

std::span<const TypeTraits> all_types() {
  return kTypes;
}

std::optional<uint64_t> row_bytes(TensorType type, uint64_t n) {
  const TypeTraits& t = traits(type);
  if (n % t.block_elements != 0) return std::nullopt;
  return checked_mul(n / t.block_elements, t.block_bytes);
}

}  // namespace quipu::quant
