// What a Sequence holds. For this room alone.
#pragma once

#include <memory>
#include <vector>

#include "backend/cpu/kv_cache.h"
#include "engine/engine.h"

namespace quipu::engine {

// What keys and values depend on, beside the tokens.
struct KvOrigin {
  std::shared_ptr<const Model> model;
  kernels::KvLayout layout;
};

struct Sequence::State {
  std::shared_ptr<const KvOrigin> origin;
  std::unique_ptr<model::KvSequence> kv;
  std::vector<Token> tokens;
};

}  // namespace quipu::engine
