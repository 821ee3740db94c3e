// The two products of attention for a few query rows and one tile of positions, over the primitives `S` of one
// instruction set. Each output element is one chain of fused multiply-adds in ascending order (dimensions for scores,
// positions for outputs), so its bits do not depend on how many rows or columns are computed beside it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/kv_layout_impl.h"
#include "kernels/kv_load_impl.h"

namespace quipu::kernels {
namespace {

// Floats from one row of scores to the next: a chunk and a cache line, so that rows do not share cache sets.
constexpr size_t kScoreStride = kChunkTokens + 16;

template <class S>
struct TileOps {
  using F = typename S::F;
  static constexpr size_t kLanes = S::kLanes;
  // Accumulators held in registers; the others hold operands.
  static constexpr size_t kAccumulators = S::kRegisters == 32 ? 24 : 12;
  // Rows that share the loading of a vector of the cache: 6 rows of 4 (2) vectors fill the accumulators.
  static constexpr size_t kMaxRows = 6;

  // A tile of keys. `next` is what comes after it, as laid out: asked for meanwhile, since pages lie far apart and the
  // processor's own prefetching begins anew at each. Null: do not ask.
  struct Keys {
    const std::byte* data = nullptr;
    const std::byte* next = nullptr;
    size_t n_positions = 0;
  };

  // scores[r * kScoreStride + p] = sum over i of q[i][r] * key[p][i] for the rows r < kRows and kVectors vectors of
  // positions from `first` on. q is [padded_k][kRows].
  template <KvType type, size_t kRows, size_t kVectors>
  static void score(const KvLayout& layout, const float* q, const Keys& keys, size_t block_bytes, size_t first,
                    float* scores) {
    using Column = KeyColumn<S, type>;
    F sum[kRows][kVectors];
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) sum[r][v] = S::zero();
    }
    const size_t n_pairs = padded_k(layout) / 2;
    constexpr size_t kGroupPairs = Column::kDims == SIZE_MAX ? SIZE_MAX : Column::kDims / 2;
    for (size_t group = 0, done = 0; done < n_pairs; ++group) {
      Column columns[kVectors];
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) {
        const size_t position = first + v * kLanes;
        columns[v] = Column::of(keys.data + position / kBlockTokens * block_bytes, group, position % kBlockTokens);
      }
      const size_t n = n_pairs - done < kGroupPairs ? n_pairs - done : kGroupPairs;
      for (size_t pair = 0; pair < n; ++pair) {
        if (keys.next != nullptr) {
#pragma GCC unroll 8
          for (size_t v = 0; v < kVectors; ++v) {
            __builtin_prefetch(keys.next + (columns[v].data - keys.data) + pair * Column::kPairBytes);
          }
        }
#pragma GCC unroll 2
        for (size_t odd = 0; odd < 2; ++odd) {
          F key[kVectors];
#pragma GCC unroll 8
          for (size_t v = 0; v < kVectors; ++v) key[v] = columns[v].load(pair, odd != 0);
#pragma GCC unroll 8
          for (size_t r = 0; r < kRows; ++r) {
            const F x = S::set(q[odd * kRows + r]);
#pragma GCC unroll 8
            for (size_t v = 0; v < kVectors; ++v) sum[r][v] = S::fma(x, key[v], sum[r][v]);
          }
        }
        q += 2 * kRows;
      }
      done += n;
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) S::store(scores + r * kScoreStride + first + v * kLanes, sum[r][v]);
    }
  }

  // All positions [0, n_positions) of a tile, rounded up to whole blocks.
  template <KvType type, size_t kRows>
  static void score_rows(const KvLayout& layout, const float* q, const Keys& keys, float* scores) {
    constexpr size_t kVectors = kRows * 4 <= kAccumulators ? 4 : 2;
    const size_t block_bytes = type == layout.k_type ? k_block_bytes(layout) : padded_k(layout) * kBlockTokens * 4;
    const size_t n = round_up(keys.n_positions, kBlockTokens);
    size_t p = 0;
    for (; p + kVectors * kLanes <= n; p += kVectors * kLanes) {
      score<type, kRows, kVectors>(layout, q, keys, block_bytes, p, scores);
    }
    for (; p < n; p += kLanes) score<type, kRows, 1>(layout, q, keys, block_bytes, p, scores);
  }
  template <KvType type>
  static void score_any(size_t n_rows, const KvLayout& layout, const float* q, const Keys& keys, float* scores) {
    switch (n_rows) {
      case 1:
        return score_rows<type, 1>(layout, q, keys, scores);
      case 2:
        return score_rows<type, 2>(layout, q, keys, scores);
      case 3:
        return score_rows<type, 3>(layout, q, keys, scores);
      case 4:
        return score_rows<type, 4>(layout, q, keys, scores);
      case 5:
        return score_rows<type, 5>(layout, q, keys, scores);
      default:
        return score_rows<type, 6>(layout, q, keys, scores);
    }
  }

  // Weights and outputs of some query rows: weights[r * kScoreStride + position of the tile], out[r * out_stride + i].
  struct Output {
    const float* weights = nullptr;
    float* out = nullptr;
    size_t out_stride = 0;
  };

  // out[r][column] += sum over j in [begin, end) of weights[r][j] * value[j][column] for kVectors vectors of columns
  // from the `first`-th vector on.
  template <KvType type, size_t kRows, size_t kVectors>
  static void accumulate(const ValueRows& values, const Output& output, size_t first, size_t begin, size_t end) {
    // A column's bytes in a row, as f16 has them: close enough to a cache line for 4 columns of 16.
    constexpr size_t kNextBytes = 2 * kLanes;
    ValueColumn<S, type> columns[kVectors];
    F sum[kRows][kVectors];
    float* out = output.out + first * kLanes;
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) columns[v] = ValueColumn<S, type>::of(values, first + v);
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) sum[r][v] = S::load(out + r * output.out_stride + v * kLanes);
    }
    for (size_t j = begin; j < end; ++j) {
      if (values.next != nullptr) __builtin_prefetch(values.next + j * values.row_bytes + first * kNextBytes);
      F value[kVectors];
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) value[v] = columns[v].load(values, j);
#pragma GCC unroll 8
      for (size_t r = 0; r < kRows; ++r) {
        const F weight = S::set(output.weights[r * kScoreStride + j]);
#pragma GCC unroll 8
        for (size_t v = 0; v < kVectors; ++v) sum[r][v] = S::fma(weight, value[v], sum[r][v]);
      }
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) S::store(out + r * output.out_stride + v * kLanes, sum[r][v]);
    }
  }

  // All `n_vectors` vectors of columns, in blocks of 8, 4, 2 and 1: heads are seldom anything else, and each size of
  // block is code for every type and number of rows.
  template <KvType type, size_t kRows>
  static void accumulate_rows(const ValueRows& values, const Output& output, size_t n_vectors, size_t begin,
                              size_t end) {
    constexpr size_t kMost = std::bit_floor(kAccumulators / kRows < 8 ? kAccumulators / kRows : 8);
    for (size_t first = 0; first < n_vectors;) {
      first += accumulate_block<type, kRows, kMost>(n_vectors - first, values, output, first, begin, end);
    }
  }
  // How many vectors it did: kVectors, or fewer where there are only n.
  template <KvType type, size_t kRows, size_t kVectors>
  static size_t accumulate_block(size_t n, const ValueRows& values, const Output& output, size_t first, size_t begin,
                                 size_t end) {
    if constexpr (kVectors > 1) {
      if (n < kVectors) return accumulate_block<type, kRows, kVectors / 2>(n, values, output, first, begin, end);
    }
    accumulate<type, kRows, kVectors>(values, output, first, begin, end);
    return kVectors;
  }
  template <KvType type>
  static void accumulate_any(size_t n_rows, const ValueRows& values, const Output& output, size_t n_vectors,
                             size_t begin, size_t end) {
    switch (n_rows) {
      case 1:
        return accumulate_rows<type, 1>(values, output, n_vectors, begin, end);
      case 2:
        return accumulate_rows<type, 2>(values, output, n_vectors, begin, end);
      case 3:
        return accumulate_rows<type, 3>(values, output, n_vectors, begin, end);
      case 4:
        return accumulate_rows<type, 4>(values, output, n_vectors, begin, end);
      case 5:
        return accumulate_rows<type, 5>(values, output, n_vectors, begin, end);
      default:
        return accumulate_rows<type, 6>(values, output, n_vectors, begin, end);
    }
  }

  // To float32 as score<f32> and accumulate<f32> read them: whole blocks of keys that cover n_positions, rows of
  // values.
  template <KvType type>
  static void expand_keys(const KvLayout& layout, const std::byte* keys, size_t n_positions, float* target) {
    const size_t dims = padded_k(layout), n_blocks = round_up(n_positions, kBlockTokens) / kBlockTokens;
    for (size_t b = 0; b < n_blocks; ++b) {
      const std::byte* block = keys + b * k_block_bytes(layout);
      for (size_t group = 0, done = 0; done < dims; ++group) {
        const size_t n = dims - done < KeyColumn<S, type>::kDims ? dims - done : KeyColumn<S, type>::kDims;
        for (size_t lane = 0; lane < kBlockTokens; lane += kLanes) {
          const auto column = KeyColumn<S, type>::of(block, group, lane);
          float* to = target + (b * dims + done) * kBlockTokens + lane;
          for (size_t pair = 0; pair < n / 2; ++pair) {
            S::store(to + 2 * pair * kBlockTokens, column.load(pair, false));
            S::store(to + (2 * pair + 1) * kBlockTokens, column.load(pair, true));
          }
        }
        done += n;
      }
    }
  }
  template <KvType type>
  static void expand_values(const ValueRows& values, size_t n_positions, size_t n_vectors, float* target) {
    for (size_t v = 0; v < n_vectors; ++v) {
      const auto column = ValueColumn<S, type>::of(values, v);
      for (size_t j = 0; j < n_positions; ++j) {
        S::store(target + (j * n_vectors + v) * kLanes, column.load(values, j));
      }
    }
  }

  // By the type of the cache.
  static void score_pages(size_t n_rows, const KvLayout& layout, const float* q, const Keys& keys, float* scores) {
    switch (layout.k_type) {
      case KvType::f32:
        return score_any<KvType::f32>(n_rows, layout, q, keys, scores);
      case KvType::f16:
        return score_any<KvType::f16>(n_rows, layout, q, keys, scores);
      case KvType::bf16:
        return score_any<KvType::bf16>(n_rows, layout, q, keys, scores);
      case KvType::q8_0:
        return score_any<KvType::q8_0>(n_rows, layout, q, keys, scores);
      case KvType::q4_0:
        return score_any<KvType::q4_0>(n_rows, layout, q, keys, scores);
    }
  }
  static void accumulate_pages(KvType type, size_t n_rows, const ValueRows& values, const Output& output,
                               size_t n_vectors, size_t begin, size_t end) {
    switch (type) {
      case KvType::f32:
        return accumulate_any<KvType::f32>(n_rows, values, output, n_vectors, begin, end);
      case KvType::f16:
        return accumulate_any<KvType::f16>(n_rows, values, output, n_vectors, begin, end);
      case KvType::bf16:
        return accumulate_any<KvType::bf16>(n_rows, values, output, n_vectors, begin, end);
      case KvType::q8_0:
        return accumulate_any<KvType::q8_0>(n_rows, values, output, n_vectors, begin, end);
      case KvType::q4_0:
        return accumulate_any<KvType::q4_0>(n_rows, values, output, n_vectors, begin, end);
    }
  }
  static void expand_keys(const KvLayout& layout, const std::byte* keys, size_t n_positions, float* target) {
    switch (layout.k_type) {
      case KvType::f32:
        return;
      case KvType::f16:
        return expand_keys<KvType::f16>(layout, keys, n_positions, target);
      case KvType::bf16:
        return expand_keys<KvType::bf16>(layout, keys, n_positions, target);
      case KvType::q8_0:
        return expand_keys<KvType::q8_0>(layout, keys, n_positions, target);
      case KvType::q4_0:
        return expand_keys<KvType::q4_0>(layout, keys, n_positions, target);
    }
  }
  static void expand_values(KvType type, const ValueRows& values, size_t n_positions, size_t n_vectors, float* target) {
    switch (type) {
      case KvType::f32:
        return;
      case KvType::f16:
        return expand_values<KvType::f16>(values, n_positions, n_vectors, target);
      case KvType::bf16:
        return expand_values<KvType::bf16>(values, n_positions, n_vectors, target);
      case KvType::q8_0:
        return expand_values<KvType::q8_0>(values, n_positions, n_vectors, target);
      case KvType::q4_0:
        return expand_values<KvType::q4_0>(values, n_positions, n_vectors, target);
    }
  }
};

}  // namespace
}  // namespace quipu::kernels
