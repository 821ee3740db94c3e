// Stores new keys and values in pages, and attends to all that is cached: tokens, heads and, where these are few,
// chunks of the context are split among threads. The bits of the result do not depend on the split.
#include <algorithm>

#include "backend/cpu/ops.h"
#include "base/check.h"

namespace quipu::backend::cpu {
namespace {

using kernels::AttentionTask;
using model::Rows;

const float* row(Rows x, size_t i) {
  return static_cast<const float*>(x.data) + i * x.n_cols;
}

}  // namespace

void CpuOps::store(const model::Batch& batch, Rows k, Rows v, const model::AttentionShape& shape) {
  const kernels::AttentionKernels& attention = *kernels_.attention;
  pool_.run(batch.parts.size() * shape.n_head_kv, [&](int, size_t index) {
    const model::BatchPart& part = batch.parts[index / shape.n_head_kv];
    const auto head = static_cast<uint32_t>(index % shape.n_head_kv);
    const uint32_t page_tokens = kv_shape_.page_tokens;
    for (size_t t = 0; t < part.n_tokens;) {
      const size_t position = part.first_position + t;
      const size_t slot = position % page_tokens;
      const size_t n = std::min(part.n_tokens - t, page_tokens - slot);
      std::byte* page = part.kv->pages()[position / page_tokens];
      attention.store_k(kv_layout_, {row(k, part.first_row + t) + size_t{head} * shape.head_dim_k, k.n_cols, n}, slot,
                        page + kv_shape_.k_offset(shape.layer, head));
      attention.store_v(kv_layout_, {row(v, part.first_row + t) + size_t{head} * shape.head_dim_v, v.n_cols, n}, slot,
                        page + kv_shape_.v_offset(shape.layer, head));
      t += n;
    }
  });
}

std::vector<CpuOps::AttentionPiece> CpuOps::split(const model::Batch& batch, Rows q, Rows out,
                                                  const model::AttentionShape& shape) const {
  const size_t group = shape.n_head / shape.n_head_kv;
  const size_t tokens_per_piece = std::max<size_t>(kernels_.attention->row_tile / group, 1);
  std::vector<AttentionPiece> pieces;
  for (const model::BatchPart& part : batch.parts) {
    for (size_t t = 0; t < part.n_tokens; t += tokens_per_piece) {
      const size_t n = std::min(tokens_per_piece, part.n_tokens - t);
      for (uint32_t head = 0; head < shape.n_head_kv; head++) {
        AttentionTask task;
        task.layout = kv_layout_;
        task.pages = part.kv->pages().data();
        task.k_offset = kv_shape_.k_offset(shape.layer, head);
        task.v_offset = kv_shape_.v_offset(shape.layer, head);
        task.n_tokens = n;
        task.group = group;
        task.q = row(q, part.first_row + t) + head * group * shape.head_dim_k;
        task.q_token_stride = q.n_cols;
        task.q_head_stride = shape.head_dim_k;
        task.out = const_cast<float*>(row(out, part.first_row + t)) + head * group * shape.head_dim_v;
        task.out_token_stride = out.n_cols;
        task.out_head_stride = shape.head_dim_v;
        task.visible_end = batch.visible_end.data() + part.first_row + t;
        task.scale = shape.scale;
        pieces.push_back({task, task.visible_end[n - 1]});
      }
    }
  }
  return pieces;
}

void CpuOps::attend_in_chunks(std::span<const AttentionPiece> pieces) {
  struct Chunk {
    const AttentionPiece* piece = nullptr;
    uint32_t index = 0;
    float* partial = nullptr;
  };
  std::vector<Chunk> chunks;
  std::vector<float*> partials;  // of each piece's first chunk
  for (const AttentionPiece& piece : pieces) {
    const size_t n_chunks = (piece.n_kv + kernels::kChunkTokens - 1) / kernels::kChunkTokens;
    const size_t n_floats = kernels::attention_partial_floats(piece.task);
    auto* partial = reinterpret_cast<float*>(arena_.take(n_chunks * n_floats * sizeof(float)));
    partials.push_back(partial);
    for (uint32_t i = 0; i < n_chunks; i++) chunks.push_back({&piece, i, partial + i * n_floats});
  }
  pool_.run(chunks.size(), [&](int thread, size_t i) {
    kernels_.attention->attend_chunk(chunks[i].piece->task, chunks[i].index, chunks[i].partial, scratch(thread));
  });
  for (size_t i = 0; i < pieces.size(); i++) {
    const size_t n_chunks = (pieces[i].n_kv + kernels::kChunkTokens - 1) / kernels::kChunkTokens;
    kernels_.attention->merge(pieces[i].task, partials[i], n_chunks);
  }
}

Rows CpuOps::attention(Rows q, Rows k, Rows v, const model::AttentionShape& shape, const model::Batch& batch) {
  const Rows out = make(q.n_rows, size_t{shape.n_head} * shape.head_dim_v);
  store(batch, k, v, shape);
  const std::vector<AttentionPiece> pieces = split(batch, q, out, shape);
  const bool few = pieces.size() < 4 * static_cast<size_t>(pool_.n_threads());
  const bool long_context =
      std::ranges::any_of(pieces, [](const AttentionPiece& p) { return p.n_kv > kernels::kChunkTokens; });
  if (few && long_context) {
    attend_in_chunks(pieces);
  } else {
    pool_.run(pieces.size(),
              [&](int thread, size_t i) { kernels_.attention->attend(pieces[i].task, scratch(thread)); });
  }
  return out;
}

}  // namespace quipu::backend::cpu
