// Four floats at a time, by the compiler's vector types, which every target has. Sums over lanes are made in a fixed
// order, so results do not depend on the machine.
#pragma once

#include <cstring>

namespace quipu::quant {

using Float4 = float __attribute__((vector_size(16)));
inline constexpr int kLanes = 4;

inline Float4 load4(const float* from) {
  Float4 lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
inline Float4 all4(float value) {
  return Float4{value, value, value, value};
}
inline float sum4(Float4 lanes) {
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// 1.5 * 2^23: adding it leaves the nearest integer (ties to even) in the low bits of the sum, for |x| < 2^22.
inline constexpr float kRoundingMagic = 12582912.f;

// The nearest integers from low to high. No lane may be NaN.
inline Float4 round_into4(Float4 value, Float4 low, Float4 high) {
  value = value > low ? value : low;
  value = value < high ? value : high;
  return (value + all4(kRoundingMagic)) - all4(kRoundingMagic);
}

}  // namespace quipu::quant
