#include "backend/cpu/linear.h"

#include <algorithm>

#include "kernels/vector.h"

namespace quipu::backend::cpu {
namespace {

using kernels::GemmKernels;
using kernels::GemvKernels;
using kernels::MemoryAhead;
using kernels::WeightRows;

// Weights that a thread reads before it asks for more work: long enough to stream, short enough to balance.
constexpr size_t kChunkBytes = 64 << 10;

WeightRows rows_of(const gguf::Tensor& weight, size_t first, size_t n) {
  const size_t row_bytes = weight.data.size() / weight.dims[1];
  return {weight.type, weight.data.data() + first * row_bytes, row_bytes, n, weight.dims[0], {}};
}

// Some rows of one layer: the unit of work of a thread.
struct Piece {
  const model::Linear* layer = nullptr;
  model::Rows y;
  size_t first_row = 0, n_rows = 0;
};

std::vector<Piece> split(std::span<const model::Linear* const> layers, std::span<const model::Rows> results,
                         size_t rows_per_piece) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < layers.size(); i++)
    for (size_t row = 0; row < results[i].n_cols; row += rows_per_piece)
      pieces.push_back({layers[i], results[i], row, std::min(rows_per_piece, results[i].n_cols - row)});
  return pieces;
}

void add_bias(const CpuContext& context, const Piece& piece) {
  if (piece.layer->bias.empty()) return;
  float* y = static_cast<float*>(piece.y.data) + piece.first_row;
  context.kernels->vector->add_bias(y, piece.y.n_cols, piece.y.n_rows, piece.layer->bias.data() + piece.first_row,
                                    piece.n_rows);
}

// Few tokens: each thread streams its rows of the weights once for all of them.
class Gemv {
 public:
  // `kernels`: any of those that share the packing of x.
  Gemv(const CpuContext& context, const GemvKernels& kernels, model::Rows x) : context_(context) {
    n_tokens_ = x.n_rows;
    stride_ = kernels.packed_bytes(x.n_cols);
    x_ = context.arena->take(stride_ * n_tokens_);
    const auto* values = static_cast<const float*>(x.data);
    for (size_t t = 0; t < n_tokens_; t++) kernels.pack_x(values + t * x.n_cols, x.n_cols, x_ + t * stride_);
  }

  void run(const Piece& piece) const {
    const gguf::Tensor& weight = *piece.layer->weight;
    const GemvKernels& kernels = *context_.kernels->gemv_for(weight.type);
    const WeightRows rows = rows_of(weight, piece.first_row, piece.n_rows);
    for (size_t t = 0; t < n_tokens_; t += kernels.max_tokens) {
      float* y = static_cast<float*>(piece.y.data) + t * piece.y.n_cols + piece.first_row;
      const size_t n = std::min(kernels.max_tokens, n_tokens_ - t);
      kernels.multiply(rows, x_ + t * stride_, stride_, n, y, piece.y.n_cols);
    }
    add_bias(context_, piece);
  }

 private:
  const CpuContext& context_;
  size_t n_tokens_ = 0, stride_ = 0;
  std::byte* x_ = nullptr;
};

const GemmKernels* gemm_of(const CpuContext& context, quant::TensorType type) {
  const GemmKernels* gemm = context.precise ? nullptr : context.kernels->gemm_for(type);
  return gemm != nullptr ? gemm : context.kernels->gemm_precise;
}

// Many tokens: a panel of weights is unpacked into cache once and multiplied with all of them.
class Gemm {
 public:
  // Packed x that stays in L2 beside some panels, on any CPU of the last ten years.
  static constexpr size_t kFewBytes = 128 << 10;

  // `layers`: all of types whose kernels share the packing of x.
  Gemm(const CpuContext& context, model::Rows x, std::span<const model::Linear* const> layers) : context_(context) {
    const GemmKernels& kernels = kernels_of(*layers.front());
    n_tokens_ = x.n_rows;
    n_in_ = x.n_cols;
    stride_ = kernels.x_stride(n_in_);
    panel_rows_ = kernels.panel_rows;
    few_ = stride_ * n_tokens_ <= kFewBytes;
    x_ = context.arena->take(stride_ * n_tokens_);
    for (const model::Linear* layer : layers) {
      panel_bytes_ = std::max(panel_bytes_, (kernels_of(*layer).panel_bytes(GemmKernels::kBlock) + 63) / 64 * 64);
    }
    panels_ = context.arena->take(panel_bytes_ * static_cast<size_t>(context.pool->n_threads()));
    const auto* values = static_cast<const float*>(x.data);
    context.pool->run(n_tokens_, [&](int, size_t t) { kernels.pack_x(values + t * n_in_, n_in_, x_ + t * stride_); });
  }

  // `next` is what the thread computes afterwards, unless another takes it; may be null.
  void run(int thread, const Piece& piece, const Piece* next) const {
    std::byte* panel = panels_ + static_cast<size_t>(thread) * panel_bytes_;
    if (few_) {
      run_panel_by_panel(piece, next, panel);
    } else {
      run_block_by_block(piece, next, panel);
    }
    add_bias(context_, piece);
  }

  // Up to 4 panels, fewer where threads would stand idle.
  [[nodiscard]] size_t rows_per_piece(size_t n_out_total) const {
    const auto n_threads = static_cast<size_t>(context_.pool->n_threads());
    const size_t n_panels = n_out_total / panel_rows_;
    return panel_rows_ * std::clamp<size_t>(n_panels / (4 * n_threads), 1, 4);
  }

 private:
  [[nodiscard]] const GemmKernels& kernels_of(const model::Linear& layer) const {
    return *gemm_of(context_, layer.weight->type);
  }

  [[nodiscard]] size_t k_end(size_t k) const { return std::min(k + GemmKernels::kBlock, n_in_); }

  // All tokens with the panel that begins at `row` and one block of K.
  void multiply(const Piece& piece, size_t row, size_t k, std::byte* panel, const MemoryAhead& ahead) const {
    // A panel takes as long to unpack as to multiply with so many tokens (Q4_K, AVX512-VNNI).
    constexpr size_t kTokensOfUnpacking = 4;
    const size_t n_first = ahead.n * kTokensOfUnpacking / (kTokensOfUnpacking + n_tokens_);
    const GemmKernels& kernels = kernels_of(*piece.layer);
    WeightRows w = panel_rows(piece, row);
    w.ahead = {ahead.data, n_first, ahead.stride, ahead.bytes};
    kernels.unpack_panel(w, k, k_end(k), panel);
    kernels.multiply({.panel = panel,
                      .n_k = k_end(k) - k,
                      .n_rows = w.n_rows,
                      .x = x_ + kernels.x_bytes(k),
                      .x_stride = stride_,
                      .n_tokens = n_tokens_,
                      .y = static_cast<float*>(piece.y.data) + piece.first_row + row,
                      .y_stride = piece.y.n_cols,
                      .accumulate = k > 0,
                      .ahead = {ahead.data + n_first * ahead.stride, ahead.n - n_first, ahead.stride, ahead.bytes}});
  }

  // Some panels for one block of K after the other, so that the block of x stays in L2 for all of them. Meanwhile a
  // panel's next block is asked for: some other panels come before it is needed.
  void run_block_by_block(const Piece& piece, const Piece* next, std::byte* panel) const {
    for (size_t k = 0; k < n_in_; k += GemmKernels::kBlock) {
      for (size_t row = 0; row < piece.n_rows; row += panel_rows_) {
        const bool last = k_end(k) == n_in_;
        multiply(piece, row, k, panel, last ? block_ahead(next, row, 0) : block_ahead(&piece, row, k_end(k)));
      }
    }
  }

  // So few tokens that the memory decides, and all of x stays in L2: panel after panel, each of which lies in one
  // stretch of memory that is asked for while the one before it is computed.
  void run_panel_by_panel(const Piece& piece, const Piece* next, std::byte* panel) const {
    for (size_t row = 0; row < piece.n_rows; row += panel_rows_) {
      const bool last = row + panel_rows_ >= piece.n_rows;
      for (size_t k = 0; k < n_in_; k += GemmKernels::kBlock) {
        multiply(piece, row, k, panel, last ? slice_ahead(next, 0, k) : slice_ahead(&piece, row + panel_rows_, k));
      }
    }
  }

  [[nodiscard]] WeightRows panel_rows(const Piece& piece, size_t row) const {
    return rows_of(*piece.layer->weight, piece.first_row + row, std::min(panel_rows_, piece.n_rows - row));
  }

  // The block of K at k of a panel's rows; nothing if there is no such panel.
  [[nodiscard]] MemoryAhead block_ahead(const Piece* piece, size_t row, size_t k) const {
    if (piece == nullptr || row >= piece->n_rows) return {};
    const WeightRows w = panel_rows(*piece, row);
    return {w.data + w.row_bytes * k / n_in_, w.n_rows, w.row_bytes, w.row_bytes * (k_end(k) - k) / n_in_};
  }

  // As much of the stretch of a panel's rows as the block at k is of K.
  [[nodiscard]] MemoryAhead slice_ahead(const Piece* piece, size_t row, size_t k) const {
    constexpr size_t kLineBytes = 64;
    if (piece == nullptr || row >= piece->n_rows) return {};
    const WeightRows w = panel_rows(*piece, row);
    const size_t n_lines = w.n_rows * w.row_bytes / kLineBytes;
    const size_t begin = n_lines * k / n_in_, end = n_lines * k_end(k) / n_in_;
    return {w.data + begin * kLineBytes, end - begin, kLineBytes, kLineBytes};
  }

  const CpuContext& context_;
  size_t n_tokens_ = 0, n_in_ = 0, stride_ = 0, panel_rows_ = 0, panel_bytes_ = 0;
  bool few_ = false;
  std::byte* x_ = nullptr;
  std::byte* panels_ = nullptr;
};

// The fused kernels for a layer and so few tokens; null: gemm_of() is faster, or there are none.
const GemvKernels* gemv_of(const CpuContext& context, const model::Linear& layer, size_t n_tokens) {
  const quant::TensorType type = layer.weight->type;
  if (context.precise || n_tokens >= gemm_of(context, type)->min_tokens) return nullptr;
  return context.kernels->gemv_for(type);
}

// Layers that share a packed x are computed together.
bool share_x(const CpuContext& context, const model::Linear& a, const model::Linear& b, size_t n_tokens) {
  const GemvKernels *gemv_a = gemv_of(context, a, n_tokens), *gemv_b = gemv_of(context, b, n_tokens);
  if (gemv_a != nullptr && gemv_b != nullptr) return gemv_a->pack_x == gemv_b->pack_x;
  if (gemv_a != nullptr || gemv_b != nullptr) return false;
  return gemm_of(context, a.weight->type)->pack_x == gemm_of(context, b.weight->type)->pack_x;
}

using Layers = std::span<const model::Linear* const>;
using Results = std::span<const model::Rows>;

void run_gemv(const CpuContext& context, const GemvKernels& kernels, model::Rows x, Layers layers, Results results) {
  const Gemv gemv(context, kernels, x);
  const gguf::Tensor& weight = *layers.front()->weight;
  const size_t row_bytes = weight.data.size() / weight.dims[1];
  const size_t rows_per_piece = std::max<size_t>(kChunkBytes / row_bytes / 16, 1) * 16;
  const auto pieces = split(layers, results, rows_per_piece);
  context.pool->run(pieces.size(), [&](int, size_t i) { gemv.run(pieces[i]); });
}

void run_gemm(const CpuContext& context, model::Rows x, Layers layers, Results results) {
  const Gemm gemm(context, x, layers);
  size_t n_out = 0;
  for (const model::Rows& y : results) n_out += y.n_cols;
  const auto pieces = split(layers, results, gemm.rows_per_piece(n_out));
  context.pool->run(pieces.size(), [&](int thread, size_t i) {
    gemm.run(thread, pieces[i], i + 1 < pieces.size() ? &pieces[i + 1] : nullptr);
  });
}

}  // namespace

void linear(const CpuContext& context, model::Rows x, Layers layers, Results results) {
  if (x.n_rows == 0) return;
  // In most models all layers of a call go together.
  for (size_t begin = 0; begin < layers.size();) {
    const model::Linear& first = *layers[begin];
    size_t end = begin + 1;
    while (end < layers.size() && share_x(context, first, *layers[end], x.n_rows)) end++;
    const size_t mark = context.arena->mark();
    const Layers some_layers = layers.subspan(begin, end - begin);
    const Results some_results = results.subspan(begin, end - begin);
    if (const GemvKernels* gemv = gemv_of(context, first, x.n_rows); gemv != nullptr) {
      run_gemv(context, *gemv, x, some_layers, some_results);
    } else {
      run_gemm(context, x, some_layers, some_results);
    }
    context.arena->release(mark);
    begin = end;
  }
}

}  // namespace quipu::backend::cpu
