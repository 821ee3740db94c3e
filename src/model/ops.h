// What a layer's recipe is written in: the operations that a backend runs. A recipe is plain code over these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gguf/gguf.h"
#include "model/hyperparameters.h"

namespace quipu::model {

using Token = int32_t;

// The cached keys and values of one sequence; made and owned by a backend.
class KvSequence;

// Some new tokens of one sequence, at consecutive positions.
struct BatchPart {
  KvSequence* kv = nullptr;  // has room for them
  size_t first_row = 0;      // in the batch
  size_t n_tokens = 0;
  uint32_t first_position = 0;  // the sequence's length before
};

// One forward pass: new tokens of one or more sequences, one row each.
struct Batch {
  std::vector<Token> tokens;          // [n_tokens]
  std::vector<uint32_t> positions;    // [n_tokens]
  std::vector<uint32_t> visible_end;  // [n_tokens]: a token sees the positions of its sequence before this one
  std::vector<BatchPart> parts;       // cover all rows in order
  std::vector<size_t> output_rows;    // rows whose results are wanted, ascending
};

// A float32 matrix [n_rows, n_cols] in the backend's memory, rows without gaps. Lives until the Scope ends in which an
// operation made it.
struct Rows {
  void* data = nullptr;
  size_t n_rows = 0, n_cols = 0;
};

// y = W x + b. W is [n_out, n_in] as it lies in the file: weight->dims = {n_in, n_out}.
struct Linear {
  const gguf::Tensor* weight = nullptr;
  std::vector<float> bias;  // [n_out], or empty
};

// Is told what linear layers multiply their weights with: for measuring which columns of a matrix matter.
class LinearObserver {
 public:
  virtual ~LinearObserver() = default;
  // x [n_rows, n_in] is about to be multiplied with the weights of all `layers`. Valid during the call, which the
  // thread makes that runs the model.
  virtual void on_linear(Rows x, std::span<const Linear* const> layers) = 0;
};

struct AttentionShape {
  uint32_t layer = 0;
  uint32_t n_head = 0, n_head_kv = 0, head_dim_k = 0, head_dim_v = 0;
  float scale = 0.0f;
};

// Not for use by several threads at once; splits its work among its own.
class Ops {
 public:
  virtual ~Ops() = default;

  // Frees what was made since it began.
  class Scope {
   public:
    explicit Scope(Ops& ops) : ops_(ops), mark_(ops.mark()) {}
    ~Scope() { ops_.release(mark_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Ops& ops_;
    size_t mark_;
  };

  // Rows of a table [n_vocab, n_embd] of any type: [tokens.size(), n_embd].
  virtual Rows embed(const gguf::Tensor& table, std::span<const Token> tokens) = 0;
  // x / sqrt(mean(x^2) + eps) * weight, row by row.
  virtual Rows rms_norm(Rows x, const std::vector<float>& weight, float eps) = 0;
  // One result per layer, all of the same x [n_rows, n_in]: [n_rows, n_out] each. Given together they share the
  // reading of x.
  virtual void linear(Rows x, std::span<const Linear* const> layers, std::span<Rows> results) = 0;
  // Rotates each head of x [n_tokens, n_heads * head_dim] in place, by the batch's positions; pairs are adjacent.
  virtual void rope(Rows x, uint32_t n_heads, const RopeFrequencies& frequencies, const Batch& batch) = 0;
  // Stores k and v in the sequences' caches; causal softmax(q k^T * scale) v over all that is cached:
  // [n_tokens, n_head * head_dim_v].
  virtual Rows attention(Rows q, Rows k, Rows v, const AttentionShape& shape, const Batch& batch) = 0;
  // gate = silu(gate) * up
  virtual void silu_multiply(Rows gate, Rows up) = 0;
  // x = x + y
  virtual void add(Rows x, Rows y) = 0;
  // The named rows, in that order.
  virtual Rows select(Rows x, std::span<const size_t> rows) = 0;

  Rows linear(Rows x, const Linear& layer) {
    const Linear* const layers[] = {&layer};
    Rows result;
    linear(x, layers, std::span(&result, 1));
    return result;
  }

  // What Scope uses: what was made since `mark` is given back.
  virtual size_t mark() = 0;
  virtual void release(size_t mark) = 0;
};

}  // namespace quipu::model
