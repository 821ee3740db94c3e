// softmax(scale Q K^T) V over a paged KV cache, in one pass over the keys (online softmax: Milakov & Gimelshein 2018,
// Dao et al. 2022), all arithmetic in float32 whatever the type of the cache.
//
// Leaf: no threads, no allocation, no input or output; any thread may call with its own scratch and its own outputs.
//
// Every query row gets the same bits whatever other rows, tokens or sequences are computed with it: positions are cut
// into chunks of kChunkTokens at absolute boundaries, a row's chunks are each reduced in one fixed order, and folded
// from the first to the last. `attend` does all chunks of a row; `attend_chunk` and `merge` give the same bits with
// the chunks spread over threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {

enum class Isa : uint8_t;

// Types of keys and values in the cache. q8_0 and q4_0: groups of 32 of one head of one token share a float16 scale.
enum class KvType : uint8_t { f32, f16, bf16, q8_0, q4_0 };

// The unit in which a row's positions are reduced and in which the context may be spread over threads.
inline constexpr uint32_t kChunkTokens = 256;
// page_tokens is a multiple of this.
inline constexpr uint32_t kPageTokensMultiple = 64;

// How one page of one KV head lies in memory: `page_tokens` consecutive positions of one sequence. The order inside
// (kv_layout_impl.h) is for these kernels alone: keys stand in blocks of 16 positions, dimension by dimension,
// so that a vector holds 16 positions; values stand row by row. It is the same for every instruction set.
struct KvLayout {
  KvType k_type = KvType::f16;
  KvType v_type = KvType::f16;
  uint32_t head_dim_k = 0;
  uint32_t head_dim_v = 0;
  uint32_t page_tokens = 64;
};

// False where head dimensions are 0, above 4096, or no multiple of 32 for q8_0 and q4_0, or page_tokens is 0, no
// multiple of kPageTokensMultiple or no power of two. Everything below wants a layout that this accepts.
bool kv_layout_is_valid(const KvLayout& layout);
// Bytes of the keys or values of one page of one head. Multiples of 64.
size_t k_page_bytes(const KvLayout& layout);
size_t v_page_bytes(const KvLayout& layout);

// New keys or values of one head: n_tokens rows of head_dim floats, `stride` floats apart.
struct KvRows {
  const float* data = nullptr;
  size_t stride = 0;
  size_t n_tokens = 0;
};

// The query rows of one sequence that share one KV head: n_tokens * group rows.
struct AttentionTask {
  KvLayout layout;
  // pages[i] + k_offset are the keys of positions [i * page_tokens, (i + 1) * page_tokens), pages[i] + v_offset their
  // values. Entries without visible positions are not read.
  const std::byte* const* pages = nullptr;
  size_t k_offset = 0;
  size_t v_offset = 0;

  size_t n_tokens = 0;
  size_t group = 0;          // query heads per KV head
  const float* q = nullptr;  // q[t * q_token_stride + g * q_head_stride + i], i < head_dim_k
  size_t q_token_stride = 0;
  size_t q_head_stride = 0;
  float* out = nullptr;  // out[t * out_token_stride + g * out_head_stride + i], i < head_dim_v
  size_t out_token_stride = 0;
  size_t out_head_stride = 0;

  // Token t sees positions [visible_begin[t], visible_end[t]). visible_begin null: from 0. A token that sees nothing
  // gets zeros.
  const uint32_t* visible_begin = nullptr;
  const uint32_t* visible_end = nullptr;

  float scale = 1.0f;    // of q . k; finite
  float softcap = 0.0f;  // above 0: scores become softcap * tanh(score / softcap), as in Gemma 2
};

// Floats of one chunk's partial result: for n_tokens * group rows.
size_t attention_partial_floats(const AttentionTask& task);

struct AttentionKernels {
  // Query rows that share one reading of the cache. Splitting a long prompt among threads by tokens wants parts of
  // about this many rows.
  size_t row_tile = 0;
  // Bytes of scratch for one call, for any number of tokens.
  size_t (*scratch_bytes)(const KvLayout& layout) = nullptr;

  // Writes rows to the slots [slot, slot + n_tokens) of a page; slot + n_tokens <= page_tokens. Rounds to nearest.
  // A group with NaN or infinity in it becomes NaN in q8_0 and q4_0.
  void (*store_k)(const KvLayout& layout, const KvRows& rows, size_t slot, std::byte* k_page) = nullptr;
  void (*store_v)(const KvLayout& layout, const KvRows& rows, size_t slot, std::byte* v_page) = nullptr;

  // Fills task.out. A visible NaN among a row's keys, queries or values gives NaN; what is not visible cannot.
  // A row of which all scores are -inf gets zeros.
  // `scratch`: scratch_bytes, aligned to 64.
  void (*attend)(const AttentionTask& task, void* scratch) = nullptr;
  // The part of positions [chunk * kChunkTokens, (chunk + 1) * kChunkTokens) alone, to `partial`; task.out is not used.
  void (*attend_chunk)(const AttentionTask& task, uint32_t chunk, float* partial, void* scratch) = nullptr;
  // Fills task.out from the partials of n_chunks consecutive chunks, one behind the other from the first to the last;
  // they must cover all visible positions of all tokens. n_chunks > 0. The first partial is overwritten.
  void (*merge)(const AttentionTask& task, float* partials, size_t n_chunks) = nullptr;
};

// The table of an instruction set. Calling into one that the CPU lacks is the caller's mistake.
const AttentionKernels& attention_kernels(Isa isa);

namespace generic {
extern const AttentionKernels kAttention;
}
namespace avx2 {
extern const AttentionKernels kAttention;
}
namespace avx512 {
extern const AttentionKernels kAttention;
}
namespace neon {
extern const AttentionKernels kAttention;
}

}  // namespace quipu::kernels
