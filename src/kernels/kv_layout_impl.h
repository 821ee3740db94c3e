// What stands where inside a KV page. In an unnamed namespace: each instruction set has its own copy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"

namespace quipu::kernels {
namespace {

constexpr size_t kBlockTokens = 16;    // positions of a block of keys
constexpr size_t kTileTokens = 64;     // positions that are scored at a time
constexpr size_t kGroupDims = 32;      // elements that share a scale
constexpr size_t kValueMultiple = 16;  // elements; rows of values are padded with zeros to a multiple

constexpr bool is_grouped(KvType type) {
  return type == KvType::q8_0 || type == KvType::q4_0;
}
constexpr size_t round_up(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
constexpr size_t element_bytes(KvType type) {  // of the types without groups
  return type == KvType::f32 ? 4 : 2;
}
constexpr size_t group_data_bytes(KvType type) {
  return type == KvType::q8_0 ? 32 : 16;
}

// Dimensions of the keys, padded with a zero to an even number.
constexpr size_t padded_k(const KvLayout& layout) {
  return round_up(layout.head_dim_k, 2);
}
constexpr size_t padded_v(const KvLayout& layout) {
  return round_up(layout.head_dim_v, kValueMultiple);
}
constexpr size_t v_groups(const KvLayout& layout) {
  return layout.head_dim_v / kGroupDims;
}

// A block of keys: plain types [dimension][16 positions]; q8_0 and q4_0, for each group of dimensions, 16 scales, then
// [32 dimensions][16 positions] bytes, or [16 pairs of dimensions][16 positions] bytes, even dimension in the low half.
constexpr size_t k_group_bytes(KvType type) {
  return kBlockTokens * (sizeof(uint16_t) + group_data_bytes(type));
}
constexpr size_t k_block_bytes(const KvLayout& layout) {
  return is_grouped(layout.k_type) ? layout.head_dim_k / kGroupDims * k_group_bytes(layout.k_type)
                                   : padded_k(layout) * kBlockTokens * element_bytes(layout.k_type);
}

// Values: plain types [token][padded_v]; q8_0 and q4_0: scales [token][group], then bytes [token][group][32 or 16]; of
// q4_0's 16 bytes the low halves are elements 0 to 15 of the group, the high halves 16 to 31.
constexpr size_t v_row_bytes(const KvLayout& layout) {
  return is_grouped(layout.v_type) ? v_groups(layout) * group_data_bytes(layout.v_type)
                                   : padded_v(layout) * element_bytes(layout.v_type);
}
constexpr size_t v_scales_bytes(const KvLayout& layout) {  // of a page
  return is_grouped(layout.v_type) ? layout.page_tokens * v_groups(layout) * sizeof(uint16_t) : 0;
}

constexpr size_t partial_stride(const KvLayout& layout) {  // floats a row: largest score, sum, padded_v values
  return 2 + padded_v(layout);
}

}  // namespace
}  // namespace quipu::kernels
