// The operations of a model's recipe on the CPU.
#pragma once

#include <memory>
#include <vector>

#include "backend/cpu/arena.h"
#include "backend/cpu/kv_cache.h"
#include "backend/cpu/linear.h"
#include "base/aligned_bytes.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "kernels/kernels.h"
#include "model/ops.h"

namespace quipu::backend::cpu {

using KvType = kernels::KvType;

struct CpuOptions {
  kernels::Isa isa = kernels::Isa::generic;
  bool precise = false;
  int n_threads = 1;
  int n_cores = 1;
  KvType type_k = KvType::f16, type_v = KvType::f16;
  model::LinearObserver* observer = nullptr;  // outlives the CpuOps
};

class CpuOps final : public model::Ops {
 public:
  // Error: a KV type that does not fit the model's heads.
  static Result<std::unique_ptr<CpuOps>> create(const CpuOptions& options, const model::Hyperparameters& hp);

  // How the model's keys and values lie in pages.
  [[nodiscard]] const KvShape& kv_shape() const { return kv_shape_; }
  [[nodiscard]] const kernels::KvLayout& kv_layout() const { return kv_layout_; }
  // Free between two operations.
  [[nodiscard]] ThreadPool& threads() { return pool_; }

  model::Rows embed(const gguf::Tensor& table, std::span<const model::Token> tokens) override;
  model::Rows rms_norm(model::Rows x, const std::vector<float>& weight, float eps) override;
  void linear(model::Rows x, std::span<const model::Linear* const> layers, std::span<model::Rows> results) override;
  using model::Ops::linear;
  void rope(model::Rows x, uint32_t n_heads, const model::RopeFrequencies& frequencies,
            const model::Batch& batch) override;
  model::Rows attention(model::Rows q, model::Rows k, model::Rows v, const model::AttentionShape& shape,
                        const model::Batch& batch) override;
  void silu_multiply(model::Rows gate, model::Rows up) override;
  void add(model::Rows x, model::Rows y) override;
  model::Rows select(model::Rows x, std::span<const size_t> rows) override;

  // A scope for a whole forward pass.
  size_t mark() override { return arena_.mark(); }
  void release(size_t mark) override { arena_.release(mark); }

  [[nodiscard]] kernels::Isa isa() const { return options_.isa; }

 private:
  // Work for one thread: some tokens of one part of a batch, for one KV head.
  struct AttentionPiece {
    kernels::AttentionTask task;
    size_t n_kv = 0;  // positions that its last token sees
  };

  void store(const model::Batch& batch, model::Rows k, model::Rows v, const model::AttentionShape& shape);
  std::vector<AttentionPiece> split(const model::Batch& batch, model::Rows q, model::Rows out,
                                    const model::AttentionShape& shape) const;
  // Fewer pieces than threads: the context is spread over the threads, too.
  void attend_in_chunks(std::span<const AttentionPiece> pieces);
  std::byte* scratch(int thread) { return scratch_.get() + static_cast<size_t>(thread) * scratch_bytes_; }

  CpuOps(const CpuOptions& options, const kernels::KvLayout& layout, const KvShape& shape);
  model::Rows make(size_t n_rows, size_t n_cols);
  // Runs body(row) for each row, on all threads if there is enough to do.
  template <typename Body>
  void for_rows(model::Rows x, Body body);
  // Cosines and sines of the batch's positions, [n_tokens][n_rot / 2] each; computed once a batch.
  void prepare_rope(const model::RopeFrequencies& frequencies, const model::Batch& batch);

  CpuOptions options_;
  ThreadPool pool_;
  Arena arena_;
  const kernels::Kernels& kernels_;
  CpuContext context_;
  std::vector<uint32_t> rope_positions_;
  const model::RopeFrequencies* rope_frequencies_ = nullptr;
  std::vector<float> cosines_, sines_;
  kernels::KvLayout kv_layout_;
  KvShape kv_shape_;
  AlignedBytes scratch_;  // [n_threads][scratch_bytes_]
  size_t scratch_bytes_ = 0;
};

}  // namespace quipu::backend::cpu
