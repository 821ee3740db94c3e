// Linear layers on the CPU: picks the kernel by the number of tokens and splits rows of weights among threads.
#pragma once

#include <span>
#include <vector>

#include "backend/cpu/arena.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/ops.h"

namespace quipu::backend::cpu {

struct CpuContext {
  const kernels::Kernels* kernels = nullptr;
  bool precise = false;  // float32 arithmetic throughout
  ThreadPool* pool = nullptr;
  Arena* arena = nullptr;
};

// results[i] = x W_i^T + b_i, each [x.n_rows, n_out of layer i], memory given by the caller.
void linear(const CpuContext& context, model::Rows x, std::span<const model::Linear* const> layers,
            std::span<const model::Rows> results);

}  // namespace quipu::backend::cpu
