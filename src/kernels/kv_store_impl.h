// Rows of new keys and values into KV pages, over the primitives `S` of one instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/kv_layout_impl.h"

namespace quipu::kernels {
namespace {

template <class S>
struct KvStore {
  static constexpr size_t kLanes = S::kLanes;

  static float value_or_zero(const float* row, size_t i, size_t n) { return i < n ? row[i] : 0.0f; }

  static uint16_t to_f16(float x) {
    uint16_t lanes[kLanes];
    S::store_f16(lanes, S::set(x));
    return lanes[0];
  }
  static float from_f16(uint16_t x) {
    uint16_t lanes[kLanes] = {};
    lanes[0] = x;
    float values[kLanes];
    S::store(values, S::load_f16(lanes));
    return values[0];
  }

  // 16 floats at a time, to the bits of a 16-bit type.
  static void to_bits(KvType type, const float* x, uint16_t* bits) {
    for (size_t i = 0; i < 16; i += kLanes) {
      const typename S::F v = S::load(x + i);
      type == KvType::f16 ? S::store_f16(bits + i, v) : S::store_bf16(bits + i, v);
    }
  }

  // One group as whole numbers times `scale`: q8_0 in [-127, 127], q4_0 in [0, 15] for -8 to 7.
  struct Group {
    uint16_t scale_bits;
    int8_t numbers[kGroupDims];
  };
  static void quantize(KvType type, const float* x, Group& group) {
    float extreme = 0.0f;  // of largest magnitude, with its sign
    bool finite = true;
    for (size_t i = 0; i < kGroupDims; ++i) {
      finite = finite && __builtin_isfinite(x[i]);
      if (__builtin_fabsf(x[i]) > __builtin_fabsf(extreme)) extreme = x[i];
    }
    // q4_0 gives the extreme, of either sign, the number -8, of which there is no positive
    const float scale = type == KvType::q8_0 ? __builtin_fabsf(extreme) / 127.0f : extreme / -8.0f;
    group.scale_bits = to_f16(finite ? scale : __builtin_nanf(""));
    const float rounded = from_f16(group.scale_bits);  // dividing by what will be multiplied with errs least
    const float inverse = rounded == 0.0f ? 0.0f : 1.0f / rounded;
    const float low = type == KvType::q8_0 ? -127.0f : -8.0f, high = type == KvType::q8_0 ? 127.0f : 7.0f;
    const int bias = type == KvType::q8_0 ? 0 : 8;
    for (size_t i = 0; i < kGroupDims; ++i) {
      float number = finite ? x[i] * inverse : 0.0f;
      number = number < low ? low : number > high ? high : number;
      group.numbers[i] = static_cast<int8_t>(static_cast<int>(__builtin_rintf(number)) + bias);
    }
  }

  static void store_k(const KvLayout& layout, const KvRows& rows, size_t slot, std::byte* k_page) {
    for (size_t t = 0; t < rows.n_tokens; ++t) {
      const size_t at = slot + t, lane = at % kBlockTokens;
      std::byte* block = k_page + at / kBlockTokens * k_block_bytes(layout);
      const float* row = rows.data + t * rows.stride;
      if (layout.k_type == KvType::f32) {
        auto* target = reinterpret_cast<float*>(block) + lane;
        for (size_t i = 0; i < padded_k(layout); ++i) {
          target[i * kBlockTokens] = value_or_zero(row, i, layout.head_dim_k);
        }
      } else if (is_grouped(layout.k_type)) {
        store_k_groups(layout, row, lane, block);
      } else {
        store_k_16(layout, row, lane, reinterpret_cast<uint16_t*>(block));
      }
    }
  }
  static void store_k_16(const KvLayout& layout, const float* row, size_t lane, uint16_t* block) {
    for (size_t i = 0; i < padded_k(layout); i += 16) {
      float part[16];
      uint16_t bits[16];
      for (size_t k = 0; k < 16; ++k) part[k] = value_or_zero(row, i + k, layout.head_dim_k);
      to_bits(layout.k_type, part, bits);
      for (size_t k = 0; k < 16 && i + k < padded_k(layout); ++k) block[(i + k) * kBlockTokens + lane] = bits[k];
    }
  }
  static void store_k_groups(const KvLayout& layout, const float* row, size_t lane, std::byte* block) {
    for (size_t g = 0; g < layout.head_dim_k / kGroupDims; ++g) {
      Group group;
      quantize(layout.k_type, row + g * kGroupDims, group);
      std::byte* start = block + g * k_group_bytes(layout.k_type);
      reinterpret_cast<uint16_t*>(start)[lane] = group.scale_bits;
      std::byte* data = start + kBlockTokens * sizeof(uint16_t) + lane;
      if (layout.k_type == KvType::q8_0) {
        for (size_t i = 0; i < kGroupDims; ++i) data[i * kBlockTokens] = static_cast<std::byte>(group.numbers[i]);
      } else {
        for (size_t i = 0; i < kGroupDims; i += 2) {
          data[i / 2 * kBlockTokens] = static_cast<std::byte>(group.numbers[i] | group.numbers[i + 1] << 4);
        }
      }
    }
  }

  static void store_v(const KvLayout& layout, const KvRows& rows, size_t slot, std::byte* v_page) {
    for (size_t t = 0; t < rows.n_tokens; ++t) {
      const float* row = rows.data + t * rows.stride;
      std::byte* target = v_page + v_scales_bytes(layout) + (slot + t) * v_row_bytes(layout);
      if (is_grouped(layout.v_type)) {
        store_v_groups(layout, row, reinterpret_cast<uint16_t*>(v_page) + (slot + t) * v_groups(layout), target);
        continue;
      }
      for (size_t i = 0; i < padded_v(layout); i += 16) {
        float part[16];
        for (size_t k = 0; k < 16; ++k) part[k] = value_or_zero(row, i + k, layout.head_dim_v);
        if (layout.v_type == KvType::f32) {
          for (size_t k = 0; k < 16; ++k) reinterpret_cast<float*>(target)[i + k] = part[k];
        } else {
          to_bits(layout.v_type, part, reinterpret_cast<uint16_t*>(target) + i);
        }
      }
    }
  }
  static void store_v_groups(const KvLayout& layout, const float* row, uint16_t* scales, std::byte* target) {
    for (size_t g = 0; g < v_groups(layout); ++g) {
      Group group;
      quantize(layout.v_type, row + g * kGroupDims, group);
      scales[g] = group.scale_bits;
      std::byte* data = target + g * group_data_bytes(layout.v_type);
      if (layout.v_type == KvType::q8_0) {
        for (size_t i = 0; i < kGroupDims; ++i) data[i] = static_cast<std::byte>(group.numbers[i]);
      } else {
        for (size_t i = 0; i < 16; ++i) {
          data[i] = static_cast<std::byte>(group.numbers[i] | group.numbers[i + 16] << 4);
        }
      }
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
