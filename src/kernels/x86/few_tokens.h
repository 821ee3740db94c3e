// What the fused kernels for few tokens have in common on x86: rows one after the other, tokens in parts that there is
// code for, and the weights at the end of a row.
//
// A Kernel has
//   Packed                       a unit of packed x
//   Sums                         Sums::V, a register of float32; Sums::zero(); Sums::of4(a, b, c, d), the sum of each
//   kTokens                      it has code for up to so many tokens at once, 2 to 5
//   row<kTokens>(w, n_in, x, sum)  sum[t] = the products of a row with token t's x, to be added up
// and takes the same operations to each sum for any number of tokens.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"

namespace quipu::kernels {
namespace {

inline constexpr size_t kMaxTokens = 8;

// Tokens' packed x.
template <typename Packed>
struct Tokens {
  const std::byte* x;
  size_t stride;
  [[nodiscard]] const Packed& at(size_t t, size_t i) const {
    return *(reinterpret_cast<const Packed*>(x + t * stride) + i);
  }
};

// What a thread reads soon: the processor's own prefetching restarts at every page, and falls far behind where a row
// takes long to compute. So far ahead that memory has answered by then (measured on Zen 5: 8 KiB is as good as 16 and
// better than 1 to 4); past the caches that keep, since weights are read once for a token.
inline constexpr size_t kPrefetchBytes = 8192;
template <size_t kBytes>
[[gnu::always_inline]] inline void prefetch_weights(const std::byte* w) {
  for (size_t i = 0; i < kBytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(w + kPrefetchBytes + i), _MM_HINT_NTA);
  }
}

// The groups of 256 weights of a row, kBytes each:
//   do {
//     for (; i < groups.end; ++i, groups.next()) ... groups.at
//   } while (groups.rest());
// First come the whole ones, then a shorter one as a copy with zeros behind it, for the same code: that of a kernel is
// long. kPartial: whether rows of the type may end so, with blocks of 32.
template <size_t kBytes, bool kPartial>
class Groups {
 public:
  Groups(const std::byte* row, size_t n_in) : end(n_in / 256), at(row), n_in_(n_in) {}

  [[gnu::always_inline]] void next() { at += kBytes; }
  [[gnu::always_inline]] bool rest() {
    if (!kPartial || end * 256 >= n_in_) return false;
    copy(at, n_in_ % 256 / 32, copy_);
    at = copy_;
    ++end;
    return true;
  }

  size_t end;
  const std::byte* at;

 private:
  using Copy = std::byte[kPartial ? kBytes : 1];

  // Out of line and without `this`, so that what the loop needs stays in registers.
  [[gnu::noinline]] static void copy(const std::byte* from, size_t n_blocks, Copy& to) {
    __builtin_memset(to, 0, sizeof to);
    __builtin_memcpy(to, from, n_blocks * (kBytes / 8));
  }

  size_t n_in_;
  Copy copy_;
};

// Row after row, so that memory is read in one stream; the sums of four are stored together.
template <class Kernel>
void multiply_one(const WeightRows& w, const Tokens<typename Kernel::Packed>& x, float* y) {
  using Sums = typename Kernel::Sums;
  for (size_t r = 0; r < w.n_rows; r += 4) {
    const size_t n = w.n_rows - r < 4 ? w.n_rows - r : 4;
    typename Sums::V sum[4] = {Sums::zero(), Sums::zero(), Sums::zero(), Sums::zero()};
#pragma GCC unroll 1
    for (size_t i = 0; i < n; ++i) Kernel::template row<1>(w.data + (r + i) * w.row_bytes, w.n_in, x, sum + i);
    alignas(16) float four[4];
    _mm_store_ps(four, Sums::of4(sum[0], sum[1], sum[2], sum[3]));
    __builtin_memcpy(y + r, four, n * sizeof(float));
  }
}

template <class Kernel, size_t kTokens>
void multiply_some(const WeightRows& w, const Tokens<typename Kernel::Packed>& x, float* y, size_t y_stride) {
  using Sums = typename Kernel::Sums;
  for (size_t r = 0; r < w.n_rows; ++r) {
    typename Sums::V sum[kTokens];
    Kernel::template row<kTokens>(w.data + r * w.row_bytes, w.n_in, x, sum);
#pragma GCC unroll 8
    for (size_t t = 0; t < kTokens; t += 4) {
      const auto at = [&](size_t i) { return i < kTokens ? sum[i] : Sums::zero(); };
      alignas(16) float four[4];
      _mm_store_ps(four, Sums::of4(at(t), at(t + 1), at(t + 2), at(t + 3)));
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) {
        if (t + i < kTokens) y[(t + i) * y_stride + r] = four[i];
      }
    }
  }
}

// More than Kernel::kTokens in two parts, each of which unpacks the weights: they are seldom so many, since kernels for
// prompts take over, and each number of tokens that has code of its own costs a program kilobytes for every type.
template <class Kernel>
void multiply_few(const WeightRows& w, const void* packed, size_t x_stride, size_t n_tokens, float* y,
                  size_t y_stride) {
  static_assert(Kernel::kTokens >= 2 && Kernel::kTokens <= 5);
  const Tokens<typename Kernel::Packed> x{static_cast<const std::byte*>(packed), x_stride};
  if (n_tokens == 1) return multiply_one<Kernel>(w, x, y);
  if (n_tokens == 2) return multiply_some<Kernel, 2>(w, x, y, y_stride);
  if constexpr (Kernel::kTokens >= 3) {
    if (n_tokens == 3) return multiply_some<Kernel, 3>(w, x, y, y_stride);
  }
  if constexpr (Kernel::kTokens >= 4) {
    if (n_tokens == 4) return multiply_some<Kernel, 4>(w, x, y, y_stride);
  }
  if constexpr (Kernel::kTokens >= 5) {
    if (n_tokens == 5) return multiply_some<Kernel, 5>(w, x, y, y_stride);
  }
  const size_t first = (n_tokens + 1) / 2;
  multiply_few<Kernel>(w, x.x, x_stride, first, y, y_stride);
  multiply_few<Kernel>(w, x.x + first * x_stride, x_stride, n_tokens - first, y + first * y_stride, y_stride);
}

}  // namespace
}  // namespace quipu::kernels
