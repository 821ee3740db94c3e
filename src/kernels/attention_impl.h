// The functions of AttentionKernels over the primitives `S` of one instruction set (ISA/simd.h). Everything is in an
// unnamed namespace, so that each ISA/attention.cpp has its own copy, compiled with its own flags.
//
// Query rows are taken in tiles; for each chunk of positions a tile's scores are computed, turned into weights
// 2^(score - largest), and the values summed with them; then the chunk's result is folded into that of the chunks
// before it. The scale of the queries includes log2(e), so that exponentials are powers of two.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/attention_tile_impl.h"
#include "kernels/exp_impl.h"
#include "kernels/kv_layout_impl.h"
#include "kernels/kv_store_impl.h"

namespace quipu::kernels {
namespace {

template <class S>
struct AttentionOps {
  using F = typename S::F;
  using I = typename S::I;
  using M = typename S::M;
  using Tile = TileOps<S>;
  static constexpr size_t kLanes = S::kLanes;
  static constexpr float kLog2e = 0x1.715476p+0f;
  static constexpr float kMinusInfinity = -__builtin_inff();

  // Converting a tile of the cache to float32 costs about as much as multiplying it with four rows, so many rows should
  // share it; what a tile of rows needs (scores, queries, outputs: 2 KiB a row for heads of 128) should stay in the L2
  // cache: 1 MiB and more where there is AVX-512, 256 KiB and more elsewhere.
  static constexpr size_t kRowTile = S::kLanes == 16 ? 96 : 48;
  // With more rows than this, tiles of the cache are converted to float32 first.
  static constexpr size_t kMaxDirectRows = Tile::kMaxRows;

  // The scratch memory, cut up. Everything is for a tile of rows.
  struct Scratch {
    float* q;        // blocks of up to kMaxRows rows: [padded_k][rows of the block], scaled
    float* weights;  // [row][kScoreStride]: scores of a chunk, then weights
    float* out;      // [row][padded_v]: of the chunk
    float* total;    // [row][padded_v]: of all chunks so far
    float* keys;     // a tile of keys as float32
    float* values;   // a tile of values as float32
    float* scales;   // of a tile of values: [position][group]
    float* max;      // [row]: largest score of the chunk
    float* sum;      // [row]: of the weights of the chunk
    float* total_max;
    float* total_sum;
    uint32_t* begin;  // [row]: visible positions
    uint32_t* end;
  };
  // Floats in all. With null memory it only counts.
  static size_t cut(const KvLayout& layout, float* memory, Scratch& scratch) {
    size_t used = 0;
    const auto take = [&](size_t n) {
      float* part = memory != nullptr ? memory + used : nullptr;
      used += round_up(n, 16);
      return part;
    };
    scratch.q = take(kRowTile * padded_k(layout));
    scratch.weights = take(kRowTile * kScoreStride);
    scratch.out = take(kRowTile * padded_v(layout));
    scratch.total = take(kRowTile * padded_v(layout));
    scratch.keys = take(layout.k_type == KvType::f32 ? 0 : kTileTokens * padded_k(layout));
    scratch.values = take(layout.v_type == KvType::f32 ? 0 : kTileTokens * padded_v(layout));
    scratch.scales = take(is_grouped(layout.v_type) ? kTileTokens * v_groups(layout) : 0);
    scratch.max = take(kRowTile);
    scratch.sum = take(kRowTile);
    scratch.total_max = take(kRowTile);
    scratch.total_sum = take(kRowTile);
    scratch.begin = reinterpret_cast<uint32_t*>(take(kRowTile));
    scratch.end = reinterpret_cast<uint32_t*>(take(kRowTile));
    return used;
  }
  static size_t scratch_bytes(const KvLayout& layout) {
    Scratch scratch;
    return cut(layout, nullptr, scratch) * sizeof(float);
  }

  // A tile of query rows of a task.
  struct Rows {
    const AttentionTask& task;
    Scratch scratch;
    size_t first = 0;  // of the task's rows
    size_t n = 0;
    uint32_t begin = 0;  // positions that some row sees: [begin, end); both 0 if there are none
    uint32_t end = 0;
  };

  static size_t min(size_t a, size_t b) { return a < b ? a : b; }
  static size_t max(size_t a, size_t b) { return a < b ? b : a; }

  static void open(Rows& rows, size_t first) {
    const AttentionTask& task = rows.task;
    rows.first = first;
    rows.n = min(kRowTile, task.n_tokens * task.group - first);
    rows.begin = UINT32_MAX;
    rows.end = 0;
    for (size_t r = 0; r < rows.n; ++r) {
      const size_t token = (first + r) / task.group;
      uint32_t begin = task.visible_begin != nullptr ? task.visible_begin[token] : 0, end = task.visible_end[token];
      if (begin >= end) begin = end = 0;
      rows.scratch.begin[r] = begin;
      rows.scratch.end[r] = end;
      if (begin == end) continue;
      if (begin < rows.begin) rows.begin = begin;
      if (end > rows.end) rows.end = end;
    }
    if (rows.end == 0) rows.begin = 0;
  }

  static void pack_queries(const Rows& rows) {
    const AttentionTask& task = rows.task;
    const float factor = task.softcap > 0.0f ? task.scale / task.softcap : task.scale * kLog2e;
    const size_t dims = padded_k(task.layout);
    for (size_t b = 0; b < rows.n; b += Tile::kMaxRows) {
      const size_t n = min(Tile::kMaxRows, rows.n - b);
      float* block = rows.scratch.q + b * dims;
      for (size_t r = 0; r < n; ++r) {
        const size_t row = rows.first + b + r;
        const float* q = task.q + row / task.group * task.q_token_stride + row % task.group * task.q_head_stride;
        for (size_t i = 0; i < task.layout.head_dim_k; ++i) block[i * n + r] = q[i] * factor;
        for (size_t i = task.layout.head_dim_k; i < dims; ++i) block[i * n + r] = 0.0f;
      }
    }
  }

  // The positions that the rows [b, b + n) see of [low, high), relative to low: `all` of them and what is common to
  // `each`. Both may be empty.
  struct Range {
    size_t begin = 0, end = 0;
  };
  static Range visible(const Rows& rows, size_t r, size_t low, size_t high) {
    const size_t begin = max(rows.scratch.begin[r], low), end = min(rows.scratch.end[r], high);
    if (begin >= end) return {0, 0};
    return {begin - low, end - low};
  }
  static Range visible_to_any(const Rows& rows, size_t b, size_t n, size_t low, size_t high) {
    Range any = {SIZE_MAX, 0};
    for (size_t r = b; r < b + n; ++r) {
      const Range one = visible(rows, r, low, high);
      if (one.begin == one.end) continue;
      any.begin = min(any.begin, one.begin);
      any.end = max(any.end, one.end);
    }
    return any.end == 0 ? Range{0, 0} : any;
  }

  // Where the keys or values of the positions from `low` on begin.
  static const std::byte* keys_at(const AttentionTask& task, size_t low) {
    const KvLayout& layout = task.layout;
    return task.pages[low / layout.page_tokens] + task.k_offset +
           low % layout.page_tokens / kBlockTokens * k_block_bytes(layout);
  }
  static const std::byte* values_at(const AttentionTask& task, size_t low) {
    const KvLayout& layout = task.layout;
    return task.pages[low / layout.page_tokens] + task.v_offset + v_scales_bytes(layout) +
           low % layout.page_tokens * v_row_bytes(layout);
  }
  // What is read behind the keys from `low` on: those of the chunk's next tile, or the chunk's first values.
  static const std::byte* behind_keys(const Rows& rows, size_t low) {
    const size_t next = low + kTileTokens;
    if (next % kChunkTokens != 0 && next < rows.end) return keys_at(rows.task, next);
    return values_at(rows.task, low / kChunkTokens * kChunkTokens);
  }
  // Behind the values: those of the chunk's next tile, or the next chunk's first keys; null at the end.
  static const std::byte* behind_values(const Rows& rows, size_t low) {
    const size_t next = low + kTileTokens;
    if (next >= rows.end) return nullptr;
    return next % kChunkTokens != 0 ? values_at(rows.task, next) : keys_at(rows.task, next);
  }

  // Scores of the tile of positions from `low` on, to weights + offset.
  static void score_tile(const Rows& rows, size_t low, size_t offset) {
    const KvLayout& layout = rows.task.layout;
    const Range any = visible_to_any(rows, 0, rows.n, low, low + kTileTokens);
    if (any.end == 0) return;
    const std::byte* keys = keys_at(rows.task, low);
    float* weights = rows.scratch.weights + offset;
    if (rows.n <= kMaxDirectRows) {
      Tile::score_pages(rows.n, layout, rows.scratch.q, {keys, behind_keys(rows, low), any.end}, weights);
      return;
    }
    const std::byte* expanded = keys;
    if (layout.k_type != KvType::f32) {
      Tile::expand_keys(layout, keys, any.end, rows.scratch.keys);
      expanded = reinterpret_cast<const std::byte*>(rows.scratch.keys);
    }
    for (size_t b = 0; b < rows.n; b += Tile::kMaxRows) {
      const size_t n = min(Tile::kMaxRows, rows.n - b);
      const Range block = visible_to_any(rows, b, n, low, low + kTileTokens);
      if (block.end == 0) continue;
      Tile::template score_any<KvType::f32>(n, layout, rows.scratch.q + b * padded_k(layout),
                                            {expanded, nullptr, block.end}, weights + b * kScoreStride);
    }
  }

  // out += weights * values for the tile of positions from `low` on. A row sums exactly what it sees: what it does not
  // see may be NaN, or memory that was never written.
  static void accumulate_tile(const Rows& rows, size_t low, size_t offset) {
    const KvLayout& layout = rows.task.layout;
    const Range any = visible_to_any(rows, 0, rows.n, low, low + kTileTokens);
    if (any.end == 0) return;
    const std::byte* page = rows.task.pages[low / layout.page_tokens] + rows.task.v_offset;
    const size_t slot = low % layout.page_tokens, n_vectors = padded_v(layout) / kLanes;
    ValueRows values = {.data = values_at(rows.task, low),
                        .row_bytes = v_row_bytes(layout),
                        .scales = rows.scratch.scales,
                        .n_groups = v_groups(layout),
                        .next = rows.n > kMaxDirectRows ? nullptr : behind_values(rows, low)};
    if (is_grouped(layout.v_type)) expand_scales(page, slot, any.end, values.n_groups, rows.scratch.scales);
    KvType type = layout.v_type;
    if (rows.n > kMaxDirectRows && type != KvType::f32) {
      Tile::expand_values(type, values, any.end, n_vectors, rows.scratch.values);
      values.data = reinterpret_cast<const std::byte*>(rows.scratch.values);
      values.row_bytes = padded_v(layout) * sizeof(float);
      type = KvType::f32;
    }
    for (size_t b = 0; b < rows.n; b += Tile::kMaxRows) {
      accumulate_block(rows, b, min(Tile::kMaxRows, rows.n - b), {type, values, n_vectors, low, offset});
    }
  }
  static void expand_scales(const std::byte* page, size_t slot, size_t n_positions, size_t n_groups, float* target) {
    const size_t n = n_positions * n_groups;
    const auto* source = reinterpret_cast<const uint16_t*>(page) + slot * n_groups;
    for (size_t i = 0; i < n; i += kLanes) S::store(target + i, load_f16_part(source + i, n - i));
  }
  static F load_f16_part(const uint16_t* source, size_t n) {
    if (n >= kLanes) return S::load_f16(source);
    uint16_t part[kLanes] = {};
    for (size_t i = 0; i < n; ++i) part[i] = source[i];
    return S::load_f16(part);
  }

  struct ValueTile {
    KvType type;
    ValueRows values;
    size_t n_vectors;
    size_t low;     // its first position
    size_t offset;  // of the tile in its chunk
  };
  // Rows [b, b + n): together where all of them see, one by one before and behind that.
  static void accumulate_block(const Rows& rows, size_t b, size_t n, const ValueTile& tile) {
    const auto accumulate = [&](size_t row, size_t n_rows, size_t begin, size_t end) {
      if (begin >= end) return;
      const size_t stride = padded_v(rows.task.layout);
      Tile::accumulate_pages(tile.type, n_rows, tile.values,
                             {.weights = rows.scratch.weights + row * kScoreStride + tile.offset,
                              .out = rows.scratch.out + row * stride,
                              .out_stride = stride},
                             tile.n_vectors, begin, end);
    };
    const size_t high = tile.low + kTileTokens;
    size_t begin = 0, end = kTileTokens;
    for (size_t r = b; r < b + n; ++r) {
      const Range one = visible(rows, r, tile.low, high);
      begin = max(begin, one.begin);
      end = min(end, one.end);
    }
    if (begin >= end) {  // nothing in common
      for (size_t r = b; r < b + n; ++r) {
        const Range one = visible(rows, r, tile.low, high);
        accumulate(r, 1, one.begin, one.end);
      }
      return;
    }
    for (size_t r = b; r < b + n; ++r) accumulate(r, 1, visible(rows, r, tile.low, high).begin, begin);
    accumulate(b, n, begin, end);
    for (size_t r = b; r < b + n; ++r) accumulate(r, 1, end, visible(rows, r, tile.low, high).end);
  }

  static M lanes_in(size_t from, Range range) {
    const I lane = S::add(S::lane_numbers(), S::set(static_cast<int32_t>(from)));
    return S::both(S::less(S::set(static_cast<int32_t>(range.begin) - 1), lane),
                   S::less(lane, S::set(static_cast<int32_t>(range.end))));
  }
  // A row's scores in `range` of a chunk to weights, with their largest and their sum. The sum's order is that of the
  // positions in the chunk, whatever the range.
  __attribute__((noinline)) static void soften(float* scores, Range range, float softcap, float& largest, float& sum) {
    largest = kMinusInfinity;
    sum = 0.0f;
    if (range.begin == range.end) return;
    const size_t from = range.begin / kLanes * kLanes;
    F best = S::set(kMinusInfinity);
    for (size_t i = from; i < range.end; i += kLanes) {
      F s = S::load(scores + i);
      if (softcap > 0.0f) {
        s = S::mul(tanh_lanes<S>(s), S::set(softcap * kLog2e));
        S::store(scores + i, s);
      }
      if (i < range.begin || i + kLanes > range.end) s = S::select(lanes_in(i, range), s, S::set(kMinusInfinity));
      best = S::max(s, best);
    }
    largest = S::largest(best);
    // largest is -inf if there are only scores of -inf, whose weight is 0, and NaN, whose weight is NaN
    const F subtract = S::set(largest == kMinusInfinity ? 0.0f : largest);
    F total = S::zero();
    for (size_t i = from; i < range.end; i += kLanes) {
      F weight = exp2_of_negative_lanes<S>(S::sub(S::load(scores + i), subtract));
      if (i < range.begin || i + kLanes > range.end) weight = S::select(lanes_in(i, range), weight, S::zero());
      S::store(scores + i, weight);
      total = S::add(total, weight);
    }
    sum = S::sum(total);
    if (sum != sum) largest = sum;
  }

  // One chunk for all rows: max, sum and out of the scratch.
  static void do_chunk(const Rows& rows, uint32_t chunk) {
    const size_t low = static_cast<size_t>(chunk) * kChunkTokens;
    const Scratch& scratch = rows.scratch;
    for (size_t offset = 0; offset < kChunkTokens; offset += kTileTokens) score_tile(rows, low + offset, offset);
    for (size_t r = 0; r < rows.n; ++r) {
      soften(scratch.weights + r * kScoreStride, visible(rows, r, low, low + kChunkTokens), rows.task.softcap,
             scratch.max[r], scratch.sum[r]);
    }
    zero(scratch.out, rows.n * padded_v(rows.task.layout));
    for (size_t offset = 0; offset < kChunkTokens; offset += kTileTokens) accumulate_tile(rows, low + offset, offset);
  }
  static void zero(float* x, size_t n) {  // n is a multiple of kValueMultiple
    for (size_t i = 0; i < n; i += kLanes) S::store(x + i, S::zero());
  }

  // (max, sum, out) of a row so far, and with those of the next chunk. Not inlined, so that the compiler cannot fuse
  // its products and sums in one way for `attend` and in another for `merge`.
  __attribute__((noinline)) static void fold(float& total_max, float& total_sum, float* total, float max, float sum,
                                             const float* out, size_t n) {
    if (max == kMinusInfinity) return;  // sees nothing of this chunk
    if (total_max == kMinusInfinity) {  // the first chunk of which it sees something
      for (size_t i = 0; i < n; i += kLanes) S::store(total + i, S::load(out + i));
      total_max = max;
      total_sum = sum;
      return;
    }
    const bool grows = total_max < max;
    float lanes[kLanes];
    S::store(lanes, exp2_of_negative_lanes<S>(S::set(-__builtin_fabsf(total_max - max))));
    const float keep = grows ? lanes[0] : 1.0f, take = grows ? 1.0f : lanes[0];
    const F keep_lanes = S::set(keep), take_lanes = S::set(take);
    for (size_t i = 0; i < n; i += kLanes) {
      S::store(total + i, S::fma(S::load(total + i), keep_lanes, S::mul(S::load(out + i), take_lanes)));
    }
    total_sum = total_sum * keep + sum * take;
    if (grows) total_max = max;
  }
  static void finish(const AttentionTask& task, size_t row, float sum, const float* total) {
    float* out = task.out + row / task.group * task.out_token_stride + row % task.group * task.out_head_stride;
    const F inverse = S::set(sum == 0.0f ? 0.0f : 1.0f / sum);
    const size_t n = task.layout.head_dim_v;
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) S::store(out + i, S::mul(S::load(total + i), inverse));
    if (i < n) S::store_part(out + i, S::mul(S::load(total + i), inverse), n - i);
  }

  static void attend(const AttentionTask& task, void* memory) {
    Rows rows{.task = task, .scratch = {}};
    cut(task.layout, static_cast<float*>(memory), rows.scratch);
    const Scratch& scratch = rows.scratch;
    const size_t stride = padded_v(task.layout);
    for (size_t first = 0; first < task.n_tokens * task.group; first += kRowTile) {
      open(rows, first);
      pack_queries(rows);
      zero(scratch.total, rows.n * stride);
      for (size_t r = 0; r < rows.n; ++r) {
        scratch.total_max[r] = kMinusInfinity;
        scratch.total_sum[r] = 0.0f;
      }
      for (uint32_t chunk = rows.begin / kChunkTokens; chunk * size_t{kChunkTokens} < rows.end; ++chunk) {
        do_chunk(rows, chunk);
        for (size_t r = 0; r < rows.n; ++r) {
          fold(scratch.total_max[r], scratch.total_sum[r], scratch.total + r * stride, scratch.max[r], scratch.sum[r],
               scratch.out + r * stride, stride);
        }
      }
      for (size_t r = 0; r < rows.n; ++r) finish(task, first + r, scratch.total_sum[r], scratch.total + r * stride);
    }
  }

  static void attend_chunk(const AttentionTask& task, uint32_t chunk, float* partial, void* memory) {
    Rows rows{.task = task, .scratch = {}};
    cut(task.layout, static_cast<float*>(memory), rows.scratch);
    const size_t stride = padded_v(task.layout);
    for (size_t first = 0; first < task.n_tokens * task.group; first += kRowTile) {
      open(rows, first);
      pack_queries(rows);
      do_chunk(rows, chunk);
      for (size_t r = 0; r < rows.n; ++r) {
        float* row = partial + (first + r) * partial_stride(task.layout);
        row[0] = rows.scratch.max[r];
        row[1] = rows.scratch.sum[r];
        for (size_t i = 0; i < stride; i += kLanes) S::store(row + 2 + i, S::load(rows.scratch.out + r * stride + i));
      }
    }
  }

  static void merge(const AttentionTask& task, float* partials, size_t n_chunks) {
    const size_t n_rows = task.n_tokens * task.group, stride = partial_stride(task.layout);
    for (size_t r = 0; r < n_rows; ++r) {
      float* total = partials + r * stride;
      for (size_t c = 1; c < n_chunks; ++c) {
        const float* next = partials + (c * n_rows + r) * stride;
        fold(total[0], total[1], total + 2, next[0], next[1], next + 2, padded_v(task.layout));
      }
      finish(task, r, total[1], total + 2);
    }
  }

  static constexpr AttentionKernels table() {
    return {.row_tile = kRowTile,
            .scratch_bytes = scratch_bytes,
            .store_k = KvStore<S>::store_k,
            .store_v = KvStore<S>::store_v,
            .attend = attend,
            .attend_chunk = attend_chunk,
            .merge = merge};
  }
};

}  // namespace
}  // namespace quipu::kernels
