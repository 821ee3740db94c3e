#include "backend/cpu/ops.h"

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/vector.h"

namespace quipu::backend::cpu {
namespace {

using model::Rows;

// Below so many elements one thread is done before a second has woken up.
constexpr size_t kMinParallelElements = 16384;

// Positions of a KV page: small enough that short chats waste little, large enough that a page table stays short.
constexpr uint32_t kPageTokens = 64;

float* row(Rows x, size_t i) {
  return static_cast<float*>(x.data) + i * x.n_cols;
}

}  // namespace

Result<std::unique_ptr<CpuOps>> CpuOps::create(const CpuOptions& options, const model::Hyperparameters& hp) {
  const kernels::KvLayout layout{options.type_k, options.type_v, hp.head_dim_k, hp.head_dim_v, kPageTokens};
  if (!kernels::kv_layout_is_valid(layout))
    return error_of(ErrorKind::unsupported, "heads of {} and {} values do not fit this type of KV cache", hp.head_dim_k,
                    hp.head_dim_v);
  const KvShape shape{hp.n_layer, hp.n_head_kv, kPageTokens, kernels::k_page_bytes(layout),
                      kernels::v_page_bytes(layout)};
  return std::unique_ptr<CpuOps>(new CpuOps(options, layout, shape));
}

CpuOps::CpuOps(const CpuOptions& options, const kernels::KvLayout& layout, const KvShape& shape)
    : options_(options),
      pool_(options.n_threads, options.n_cores),
      kernels_(kernels::kernels(options.isa)),
      context_{&kernels_, options.precise, &pool_, &arena_},
      kv_layout_(layout),
      kv_shape_(shape) {
  scratch_bytes_ = (kernels_.attention->scratch_bytes(layout) + 63) / 64 * 64;
  scratch_ = aligned_bytes(scratch_bytes_ * static_cast<size_t>(options.n_threads));
  QUIPU_CHECK(scratch_ != nullptr);
}

Rows CpuOps::make(size_t n_rows, size_t n_cols) {
  return {arena_.take(n_rows * n_cols * sizeof(float)), n_rows, n_cols};
}

template <typename Body>
void CpuOps::for_rows(Rows x, Body body) {
  if (x.n_rows * x.n_cols < kMinParallelElements) {
    for (size_t i = 0; i < x.n_rows; i++) body(i);
  } else {
    pool_.run(x.n_rows, [&](int, size_t i) { body(i); });
  }
}

Rows CpuOps::embed(const gguf::Tensor& table, std::span<const model::Token> tokens) {
  const Rows y = make(tokens.size(), table.dims[0]);
  const size_t row_bytes = table.data.size() / table.dims[1];
  const auto decode = quant::traits(table.type).decode;
  for_rows(y, [&](size_t i) {
    QUIPU_CHECK(tokens[i] >= 0 && static_cast<uint64_t>(tokens[i]) < table.dims[1]);
    decode(table.data.data() + static_cast<size_t>(tokens[i]) * row_bytes, row(y, i), y.n_cols);
  });
  return y;
}

Rows CpuOps::rms_norm(Rows x, const std::vector<float>& weight, float eps) {
  QUIPU_CHECK(weight.size() == x.n_cols);
  const Rows y = make(x.n_rows, x.n_cols);
  for_rows(x, [&](size_t i) { kernels_.vector->rms_norm(row(x, i), weight.data(), eps, row(y, i), x.n_cols); });
  return y;
}

void CpuOps::linear(Rows x, std::span<const model::Linear* const> layers, std::span<Rows> results) {
  for (size_t i = 0; i < layers.size(); i++) {
    QUIPU_CHECK(layers[i]->weight->dims[0] == x.n_cols);
    results[i] = make(x.n_rows, layers[i]->weight->dims[1]);
  }
  if (options_.observer != nullptr) options_.observer->on_linear(x, layers);
  cpu::linear(context_, x, layers, results);
}

void CpuOps::prepare_rope(const model::RopeFrequencies& frequencies, const model::Batch& batch) {
  if (rope_frequencies_ == &frequencies && rope_positions_ == batch.positions) return;
  rope_frequencies_ = &frequencies;
  rope_positions_ = batch.positions;
  const size_t n = frequencies.inv_freq.size();
  cosines_.resize(batch.positions.size() * n);
  sines_.resize(batch.positions.size() * n);
  for (size_t t = 0; t < batch.positions.size(); t++) {
    for (size_t i = 0; i < n; i++) {
      // The angle is rounded to float32, as where the models were trained.
      const float angle = static_cast<float>(batch.positions[t]) * frequencies.inv_freq[i];
      cosines_[t * n + i] = std::cos(angle) * frequencies.magnitude;
      sines_[t * n + i] = std::sin(angle) * frequencies.magnitude;
    }
  }
}

void CpuOps::rope(Rows x, uint32_t n_heads, const model::RopeFrequencies& frequencies, const model::Batch& batch) {
  prepare_rope(frequencies, batch);
  const size_t n = frequencies.inv_freq.size();
  for_rows(x, [&](size_t t) {
    kernels_.vector->rope_adjacent(row(x, t), x.n_cols / n_heads, n_heads, cosines_.data() + t * n,
                                   sines_.data() + t * n, 2 * n);
  });
}

void CpuOps::silu_multiply(Rows gate, Rows up) {
  for_rows(gate, [&](size_t i) { kernels_.vector->silu(row(gate, i), row(up, i), row(gate, i), gate.n_cols); });
}

void CpuOps::add(Rows x, Rows y) {
  for_rows(x, [&](size_t i) { kernels_.vector->add(row(x, i), row(y, i), row(x, i), x.n_cols); });
}

Rows CpuOps::select(Rows x, std::span<const size_t> rows) {
  const Rows y = make(rows.size(), x.n_cols);
  for (size_t i = 0; i < rows.size(); i++) std::memcpy(row(y, i), row(x, rows[i]), x.n_cols * sizeof(float));
  return y;
}

}  // namespace quipu::backend::cpu
