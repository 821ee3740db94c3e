// F32, F16 and BF16: one number after another, little-endian.
#include <cstdint>
#include <cstring>

#include "base/float16.h"
#include "quant/codecs.h"

namespace quipu::quant {
namespace {

template <float (*kConvert)(uint16_t)>
void decode_16(const std::byte* source, float* target, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, source + 2 * i, 2);
    target[i] = kConvert(bits);
  }
}

template <uint16_t (*kConvert)(float)>
void encode_16(const float* source, std::byte* target, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const uint16_t bits = kConvert(source[i]);
    std::memcpy(target + 2 * i, &bits, 2);
  }
}

}  // namespace

void decode_f32(const std::byte* source, float* target, size_t n) {
  std::memcpy(target, source, n * sizeof(float));
}
void encode_f32(const float* source, std::byte* target, size_t n, const float* /*importance*/) {
  std::memcpy(target, source, n * sizeof(float));
}
void decode_f16(const std::byte* source, float* target, size_t n) {
  decode_16<f16_to_f32>(source, target, n);
}
void encode_f16(const float* source, std::byte* target, size_t n, const float* /*importance*/) {
  encode_16<f32_to_f16>(source, target, n);
}
void decode_bf16(const std::byte* source, float* target, size_t n) {
  decode_16<bf16_to_f32>(source, target, n);
}
void encode_bf16(const float* source, std::byte* target, size_t n, const float* /*importance*/) {
  encode_16<f32_to_bf16>(source, target, n);
}

}  // namespace quipu::quant
