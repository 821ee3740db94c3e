// The operations of a recipe, with the time that each takes written down. The engine puts this before CpuOps when a
// trace is wanted, so that without one nothing is asked.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/cpu/ops.h"
#include "backend/trace.h"

namespace quipu::backend::cpu {

class TracedOps final : public model::Ops, public ThreadPool::Observer {
 public:
  // `ops` outlives it, and runs nothing while it is made or destroyed.
  TracedOps(CpuOps& ops, std::shared_ptr<TraceFile> file, std::string_view name);
  ~TracedOps() override;

  // Some time of the calling thread, which is the one that runs operations. Null: nothing is written down.
  class Slice {
   public:
    Slice(TracedOps* ops, std::string_view name, size_t rows, uint64_t bytes = 0, int32_t layer = -1);
    ~Slice();
    Slice(const Slice&) = delete;
    Slice& operator=(const Slice&) = delete;

   private:
    TracedOps* ops_;
    TraceSlice slice_;
  };
  // Between two forward passes: hands over what has gathered, when that is much.
  void flush_if_full();

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
  size_t mark() override { return ops_.mark(); }
  void release(size_t mark) override { ops_.release(mark); }

  void on_work(int thread, Time begin, Time end) override;

 private:
  static constexpr size_t kNone = ~size_t{0};

  // What a group of linear layers is called, and what they read.
  struct Weights {
    std::string name;
    int32_t layer = -1;
    uint64_t bytes = 0;
  };
  const Weights& weights(std::span<const model::Linear* const> layers);
  uint32_t name(std::string_view text);
  void flush();

  CpuOps& ops_;
  std::shared_ptr<TraceFile> file_;
  TraceTrack track_;
  std::unordered_map<std::string, uint32_t> names_;
  std::unordered_map<const model::Linear*, Weights> weights_;  // by the first of the group
  std::vector<std::vector<TraceSlice>> slices_;                // [n_threads]
  TraceSlice current_;                                         // what on_work() is told of
  int32_t layer_ = -1;                                         // of the last linear layer
  size_t norm_ = kNone;                                        // the last norm, in slices_[0]: its layer comes after it
};

}  // namespace quipu::backend::cpu
