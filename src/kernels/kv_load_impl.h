// Vectors of float32 out of KV pages, for each type of the cache, over the primitives `S` of one instruction set. The
// values are those of the type, exactly (q8_0 and q4_0: number times scale, rounded once), so it makes no difference
// to the bits of a result whether a kernel reads pages or a tile that was converted to float32 before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/kv_layout_impl.h"

namespace quipu::kernels {
namespace {

template <class T>
const T* at_bytes(const std::byte* data, size_t offset) {
  return reinterpret_cast<const T*>(data + offset);
}

// kLanes consecutive elements of a plain type, `index` elements behind `data`.
template <class S, KvType type>
typename S::F load_plain(const std::byte* data, size_t index) {
  if constexpr (type == KvType::f32) {
    return S::load(at_bytes<float>(data, index * sizeof(float)));
  } else if constexpr (type == KvType::f16) {
    return S::load_f16(at_bytes<uint16_t>(data, index * sizeof(uint16_t)));
  } else {
    return S::load_bf16(at_bytes<uint16_t>(data, index * sizeof(uint16_t)));
  }
}

// kLanes positions of a block of keys, starting at `lane` of its 16, for the dimensions of one group (plain types: of
// all dimensions).
template <class S, KvType type>
struct KeyColumn {
  static constexpr size_t kDims = is_grouped(type) ? kGroupDims : SIZE_MAX;
  // From one pair of dimensions to the next.
  static constexpr size_t kPairBytes =
      kBlockTokens * (is_grouped(type) ? group_data_bytes(type) / 16 : 2 * element_bytes(type));
  const std::byte* data = nullptr;
  typename S::F scale;

  static KeyColumn of(const std::byte* block, size_t group, size_t lane) {
    KeyColumn column;
    if constexpr (is_grouped(type)) {
      const std::byte* start = block + group * k_group_bytes(type);
      column.scale = S::load_f16(at_bytes<uint16_t>(start, lane * sizeof(uint16_t)));
      column.data = start + kBlockTokens * sizeof(uint16_t) + lane;
    } else {
      column.scale = S::zero();
      column.data = block + lane * element_bytes(type);
    }
    return column;
  }

  // The pair'th pair of dimensions: its even or its odd one.
  typename S::F load(size_t pair, bool odd) const {
    const size_t dim = 2 * pair + (odd ? 1 : 0);
    if constexpr (type == KvType::q8_0) {
      return S::mul(S::load_i8(at_bytes<int8_t>(data, dim * kBlockTokens)), scale);
    } else if constexpr (type == KvType::q4_0) {
      return S::mul(S::load_nibbles(at_bytes<uint8_t>(data, pair * kBlockTokens), odd ? 4 : 0), scale);
    } else {
      return load_plain<S, type>(data, dim * kBlockTokens);
    }
  }
};

// Consecutive rows of values.
struct ValueRows {
  const std::byte* data = nullptr;
  size_t row_bytes = 0;
  const float* scales = nullptr;  // [row][group], where there are groups
  size_t n_groups = 0;
  const std::byte* next = nullptr;  // what is read afterwards, as many bytes: asked for meanwhile; null: nothing is
};

// kLanes columns of rows of values: those of the index'th vector of a row.
template <class S, KvType type>
struct ValueColumn {
  const std::byte* data = nullptr;
  const float* scales = nullptr;
  unsigned shift = 0;

  static ValueColumn of(const ValueRows& rows, size_t index) {
    ValueColumn column;
    const size_t element = index * S::kLanes;
    if constexpr (is_grouped(type)) {
      const size_t group = element / kGroupDims, within = element % kGroupDims;
      column.scales = rows.scales + group;
      column.data = rows.data + group * group_data_bytes(type);
      if constexpr (type == KvType::q8_0) {
        column.data += within;
      } else {
        column.data += within % 16;
        column.shift = within < 16 ? 0 : 4;
      }
    } else {
      column.data = rows.data + element * element_bytes(type);
    }
    return column;
  }

  typename S::F load(const ValueRows& rows, size_t row) const {
    const size_t offset = row * rows.row_bytes;
    if constexpr (is_grouped(type)) {
      const typename S::F scale = S::set(scales[row * rows.n_groups]);
      if constexpr (type == KvType::q8_0) {
        return S::mul(S::load_i8(at_bytes<int8_t>(data, offset)), scale);
      } else {
        return S::mul(S::load_nibbles(at_bytes<uint8_t>(data, offset), shift), scale);
      }
    } else {
      return load_plain<S, type>(data + offset, 0);
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
