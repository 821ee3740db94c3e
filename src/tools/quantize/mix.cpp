#include "tools/quantize/mix.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace quipu::tools {
namespace {

using quant::TensorType;

constexpr std::array kMixes{
    MixTraits{Mix::Q1_0, "Q1_0", TensorType::Q1_0, 1.125},
    MixTraits{Mix::IQ1_S, "IQ1_S", TensorType::IQ1_S, 1.5625},
    MixTraits{Mix::TQ1_0, "TQ1_0", TensorType::TQ1_0, 1.6875},
    MixTraits{Mix::IQ1_M, "IQ1_M", TensorType::IQ1_M, 1.75},
    MixTraits{Mix::IQ2_XXS, "IQ2_XXS", TensorType::IQ2_XXS, 2.0625},
    MixTraits{Mix::TQ2_0, "TQ2_0", TensorType::TQ2_0, 2.0625},
    MixTraits{Mix::Q2_0, "Q2_0", TensorType::Q2_0, 2.25},
    MixTraits{Mix::IQ2_XS, "IQ2_XS", TensorType::IQ2_XS, 2.3125},
    MixTraits{Mix::IQ2_S, "IQ2_S", TensorType::IQ2_XS, 2.3125},
    MixTraits{Mix::IQ2_M, "IQ2_M", TensorType::IQ2_S, 2.5625},
    MixTraits{Mix::Q2_K_S, "Q2_K_S", TensorType::Q2_K, 2.625},
    MixTraits{Mix::Q2_K, "Q2_K", TensorType::Q2_K, 2.625},
    MixTraits{Mix::IQ3_XXS, "IQ3_XXS", TensorType::IQ3_XXS, 3.0625},
    MixTraits{Mix::IQ3_XS, "IQ3_XS", TensorType::IQ3_S, 3.4375},
    MixTraits{Mix::IQ3_S, "IQ3_S", TensorType::IQ3_S, 3.4375},
    MixTraits{Mix::IQ3_M, "IQ3_M", TensorType::IQ3_S, 3.4375},
    MixTraits{Mix::Q3_K_S, "Q3_K_S", TensorType::Q3_K, 3.4375},
    MixTraits{Mix::Q3_K_M, "Q3_K_M", TensorType::Q3_K, 3.4375},
    MixTraits{Mix::Q3_K_L, "Q3_K_L", TensorType::Q3_K, 3.4375},
    MixTraits{Mix::IQ4_XS, "IQ4_XS", TensorType::IQ4_XS, 4.25},
    MixTraits{Mix::MXFP4_MOE, "MXFP4_MOE", TensorType::MXFP4, 4.25},
    MixTraits{Mix::IQ4_NL, "IQ4_NL", TensorType::IQ4_NL, 4.5},
    MixTraits{Mix::Q4_0, "Q4_0", TensorType::Q4_0, 4.5},
    MixTraits{Mix::Q4_K_S, "Q4_K_S", TensorType::Q4_K, 4.5},
    MixTraits{Mix::Q4_K_M, "Q4_K_M", TensorType::Q4_K, 4.5},
    MixTraits{Mix::Q4_1, "Q4_1", TensorType::Q4_1, 5},
    MixTraits{Mix::Q5_0, "Q5_0", TensorType::Q5_0, 5.5},
    MixTraits{Mix::Q5_K_S, "Q5_K_S", TensorType::Q5_K, 5.5},
    MixTraits{Mix::Q5_K_M, "Q5_K_M", TensorType::Q5_K, 5.5},
    MixTraits{Mix::Q5_1, "Q5_1", TensorType::Q5_1, 6},
    MixTraits{Mix::Q6_K, "Q6_K", TensorType::Q6_K, 6.5625},
    MixTraits{Mix::Q8_0, "Q8_0", TensorType::Q8_0, 8.5},
    MixTraits{Mix::F16, "F16", TensorType::F16, 16},
    MixTraits{Mix::BF16, "BF16", TensorType::BF16, 16},
    MixTraits{Mix::F32, "F32", TensorType::F32, 32},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kAliases{
    {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}}};

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

const MixTraits* find_mix(std::string_view name) {
  for (const auto& [alias, full_name] : kAliases) {
    if (equal_without_case(alias, name)) name = full_name;
  }
  for (const MixTraits& mix : kMixes) {
    if (equal_without_case(mix.name, name)) return &mix;
  }
  return nullptr;
}

const MixTraits& mix_traits(Mix mix) {
  const auto* found = std::ranges::find(kMixes, mix, &MixTraits::mix);
  QUIPU_CHECK(found != kMixes.end());
  return *found;
}

std::span<const MixTraits> all_mixes() {
  return kMixes;
}

}  // namespace quipu::tools
