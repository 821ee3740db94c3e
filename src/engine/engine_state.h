// What an Engine holds. For this room alone.
#pragma once

#include <memory>
#include <mutex>

#include "backend/cpu/ops.h"
#include "backend/cpu/traced_ops.h"
#include "engine/sequence_state.h"

namespace quipu::engine {

struct Engine::State {
  std::shared_ptr<const Model> model;
  EngineOptions options;
  uint32_t n_ctx = 0;
  int n_threads = 1;
  std::unique_ptr<backend::cpu::CpuOps> ops;
  std::unique_ptr<backend::cpu::TracedOps> traced;  // of ops, or null
  std::shared_ptr<backend::cpu::KvPool> pool;
  std::shared_ptr<const KvOrigin> origin;
  std::mutex mutex;  // held while a pass is computed
};

}  // namespace quipu::engine
