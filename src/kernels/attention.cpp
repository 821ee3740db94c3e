#include "kernels/attention.h"

#include "kernels/kv_layout_impl.h"

namespace quipu::kernels {

namespace {

constexpr uint32_t kMaxHeadDim = 4096;
constexpr size_t kAlignment = 64;

bool head_dim_is_valid(KvType type, uint32_t head_dim) {
  return head_dim > 0 && head_dim <= kMaxHeadDim && (!is_grouped(type) || head_dim % kGroupDims == 0);
}

}  // namespace

bool kv_layout_is_valid(const KvLayout& layout) {
  const uint32_t tokens = layout.page_tokens;
  return head_dim_is_valid(layout.k_type, layout.head_dim_k) && head_dim_is_valid(layout.v_type, layout.head_dim_v) &&
         tokens >= kPageTokensMultiple && (tokens & (tokens - 1)) == 0;
}

size_t k_page_bytes(const KvLayout& layout) {
  return round_up(layout.page_tokens / kBlockTokens * k_block_bytes(layout), kAlignment);
}

size_t v_page_bytes(const KvLayout& layout) {
  return round_up(v_scales_bytes(layout) + layout.page_tokens * v_row_bytes(layout), kAlignment);
}

size_t attention_partial_floats(const AttentionTask& task) {
  return task.n_tokens * task.group * partial_stride(task.layout);
}

}  // namespace quipu::kernels
