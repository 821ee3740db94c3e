#include "backend/cpu/traced_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace quipu::backend::cpu {
namespace {

using model::Rows;
using Clock = std::chrono::steady_clock;

// So many slices of a thread are kept in memory, and those of one forward pass more: 48 bytes each.
constexpr size_t kMostKept = 1U << 15;

uint64_t bytes_of(Rows x) {
  return uint64_t{x.n_rows} * x.n_cols * sizeof(float);
}

// "blk.12.attn_q.weight": layer 12, "attn_q".
std::pair<int32_t, std::string_view> parts_of(std::string_view tensor) {
  constexpr std::string_view kBlock = "blk.", kWeight = ".weight";
  if (tensor.ends_with(kWeight)) tensor.remove_suffix(kWeight.size());
  int32_t layer = -1;
  if (tensor.starts_with(kBlock)) {
    const auto [end, code] = std::from_chars(tensor.data() + kBlock.size(), tensor.data() + tensor.size(), layer);
    const auto length = static_cast<size_t>(end - tensor.data());
    if (code == std::errc() && length < tensor.size()) tensor.remove_prefix(length + 1);
  }
  return {layer, tensor};
}

}  // namespace

TracedOps::TracedOps(CpuOps& ops, std::shared_ptr<TraceFile> file, std::string_view name)
    : ops_(ops), file_(std::move(file)), slices_(static_cast<size_t>(ops.threads().n_threads())) {
  track_.process = file_->add_process(name, ops.threads().n_threads());
  ops_.threads().observe(this);
}

TracedOps::~TracedOps() {
  ops_.threads().observe(nullptr);
  flush();
}

TracedOps::Slice::Slice(TracedOps* ops, std::string_view name, size_t rows, uint64_t bytes, int32_t layer) : ops_(ops) {
  if (ops_ == nullptr) return;
  slice_ = {Clock::now(), {}, ops_->name(name), layer, static_cast<uint32_t>(rows), false, bytes};
  std::swap(slice_, ops_->current_);
}

TracedOps::Slice::~Slice() {
  if (ops_ == nullptr) return;
  std::swap(slice_, ops_->current_);
  slice_.end = Clock::now();
  ops_->slices_[0].push_back(slice_);
}

void TracedOps::on_work(int thread, Time begin, Time end) {
  TraceSlice slice = current_;
  slice.part = true;
  slice.begin = begin;
  slice.end = end;
  slices_[static_cast<size_t>(thread)].push_back(slice);
}

void TracedOps::flush() {
  for (size_t thread = 0; thread < slices_.size(); ++thread) {
    file_->add(track_, static_cast<int>(thread), slices_[thread]);
    slices_[thread].clear();
  }
  norm_ = kNone;
}

void TracedOps::flush_if_full() {
  const bool full =
      std::any_of(slices_.begin(), slices_.end(), [](const auto& slices) { return slices.size() > kMostKept; });
  if (full) flush();
}

uint32_t TracedOps::name(std::string_view text) {
  const auto [found, is_new] = names_.try_emplace(std::string(text), static_cast<uint32_t>(track_.names.size()));
  if (is_new) track_.names.emplace_back(text);
  return found->second;
}

const TracedOps::Weights& TracedOps::weights(std::span<const model::Linear* const> layers) {
  const auto [found, is_new] = weights_.try_emplace(layers[0]);
  Weights& weights = found->second;
  if (!is_new) return weights;
  for (const model::Linear* layer : layers) {
    const auto [number, part] = parts_of(layer->weight->name);
    weights.name +=
        fmt::format("{}{} {}", weights.name.empty() ? "" : ", ", part, quant::traits(layer->weight->type).name);
    weights.layer = number;
    weights.bytes += layer->weight->data.size();
  }
  return weights;
}

Rows TracedOps::embed(const gguf::Tensor& table, std::span<const model::Token> tokens) {
  const Slice slice(this, "embed", tokens.size(), table.data.size() / table.dims[1] * tokens.size());
  return ops_.embed(table, tokens);
}

Rows TracedOps::rms_norm(Rows x, const std::vector<float>& weight, float eps) {
  Rows y;
  {
    const Slice slice(this, "rms_norm", x.n_rows, 2 * bytes_of(x));
    y = ops_.rms_norm(x, weight, eps);
  }
  norm_ = slices_[0].size() - 1;
  return y;
}

void TracedOps::linear(Rows x, std::span<const model::Linear* const> layers, std::span<Rows> results) {
  const Weights& of_layers = weights(layers);
  layer_ = of_layers.layer;
  if (norm_ != kNone) slices_[0][std::exchange(norm_, kNone)].layer = layer_;
  const Slice slice(this, of_layers.name, x.n_rows, of_layers.bytes, layer_);
  ops_.linear(x, layers, results);
}

void TracedOps::rope(Rows x, uint32_t n_heads, const model::RopeFrequencies& frequencies, const model::Batch& batch) {
  const Slice slice(this, "rope", x.n_rows, 2 * bytes_of(x), layer_);
  ops_.rope(x, n_heads, frequencies, batch);
}

Rows TracedOps::attention(Rows q, Rows k, Rows v, const model::AttentionShape& shape, const model::Batch& batch) {
  const KvShape& kv = ops_.kv_shape();
  uint64_t n_positions = 0;
  for (const auto& part : batch.parts) n_positions += part.first_position + part.n_tokens;
  const uint64_t bytes = n_positions * kv.n_head_kv * (kv.k_head_bytes + kv.v_head_bytes) / kv.page_tokens;
  const Slice slice(this, "attention", q.n_rows, bytes, static_cast<int32_t>(shape.layer));
  return ops_.attention(q, k, v, shape, batch);
}

void TracedOps::silu_multiply(Rows gate, Rows up) {
  const Slice slice(this, "silu_multiply", gate.n_rows, 3 * bytes_of(gate), layer_);
  ops_.silu_multiply(gate, up);
}

void TracedOps::add(Rows x, Rows y) {
  const Slice slice(this, "add", x.n_rows, 3 * bytes_of(x), layer_);
  ops_.add(x, y);
}

Rows TracedOps::select(Rows x, std::span<const size_t> rows) {
  const Slice slice(this, "select", rows.size(), uint64_t{2} * rows.size() * x.n_cols * sizeof(float));
  return ops_.select(x, rows);
}

}  // namespace quipu::backend::cpu
