// IQ4_NL and IQ4_XS: 16 levels that lie closer together near 0.
#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/blocks.h"
#include "quant/codecs.h"
#include "quant/fit.h"
#include "quant/super_block.h"

namespace quipu::quant {

void decode_iq4_nl(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockIQ4_NL*>(source);
  for (size_t b = 0; b < n / kBlock; ++b) {
    const float d = blocks[b].d.value();
    for (size_t i = 0; i < kBlock; ++i) {
      const int q = (blocks[b].q[i % 16] >> (i < 16 ? 0 : 4)) & 15;
      target[b * kBlock + i] = d * static_cast<float>(kIq4Values[q]);
    }
  }
}

void decode_iq4_xs(const std::byte* source, float* target, size_t n) {
  const auto* blocks = reinterpret_cast<const BlockIQ4_XS*>(source);
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const BlockIQ4_XS& block = blocks[b];
    for (size_t s = 0; s < 8; ++s) {
      const float scale = block.d.value() * static_cast<float>(scale_iq4_xs(block, s));
      for (size_t i = 0; i < 32; ++i) {
        const int q = (block.q[16 * s + i % 16] >> (i < 16 ? 0 : 4)) & 15;
        target[b * kSuperBlock + 32 * s + i] = scale * static_cast<float>(kIq4Values[q]);
      }
    }
  }
}

void encode_iq4_nl(const float* source, std::byte* target, size_t n, const float* importance) {
  auto* blocks = reinterpret_cast<BlockIQ4_NL*>(target);
  std::array<uint8_t, kBlock> q{};
  for (size_t b = 0; b < n / kBlock; ++b) {
    const BlockInput<kBlock> input(source, importance, b * kBlock);
    blocks[b].d = finite_half(fit_scale(input.group(), {{}, kIq4Values}));
    nearest_levels(input.x, kIq4Values, blocks[b].d.value(), q.data());
    for (size_t i = 0; i < 16; ++i) blocks[b].q[i] = static_cast<uint8_t>(q[i] | (q[i + 16] << 4));
  }
}

void encode_iq4_xs(const float* source, std::byte* target, size_t n, const float* importance) {
  auto* blocks = reinterpret_cast<BlockIQ4_XS*>(target);
  const SymmetricShape shape{.group = 32, .q = {{}, kIq4Values}, .scale = {-32, 31}};
  for (size_t b = 0; b < n / kSuperBlock; ++b) {
    const SymmetricSuperBlock fitted = fit_symmetric({source, importance, b * kSuperBlock}, shape);
    BlockIQ4_XS& block = blocks[b];
    block = BlockIQ4_XS{};
    block.d = fitted.d;
    for (size_t s = 0; s < 8; ++s) {
      const int scale = fitted.scales[s] + 32;
      block.scales_low[s / 2] = static_cast<uint8_t>(block.scales_low[s / 2] | ((scale & 15) << (4 * (s % 2))));
      block.scales_high[s / 4] = static_cast<uint8_t>(block.scales_high[s / 4] | ((scale >> 4) << (2 * (s % 4))));
      for (size_t i = 0; i < 16; ++i) {
        const auto* q = fitted.q.data() + 32 * s + i;
        block.q[16 * s + i] = static_cast<uint8_t>(q[0] | (q[16] << 4));
      }
    }
  }
}

}  // namespace quipu::quant
