// The types of x86/points.h in columns, as quants8.h has the others: signed bytes of 8 rows are turned once they are
// unpacked. Needs AVX2.
#pragma once

#include "kernels/avx2/quants8.h"
#include "kernels/avx2/rows8.h"
#include "kernels/x86/points_plain.h"

namespace quipu::kernels {
namespace {

template <TensorType kType>
struct PointBlocks {
  static constexpr size_t kBytes = Points<kType>::kBytes;

  [[gnu::always_inline]] explicit PointBlocks(const std::byte* p) : points(p), scales(points.scales) {}

  const Points<kType> points;
  const __m256* scales;
};

template <TensorType kType>
struct PointQuants {
  using Blocks = PointBlocks<kType>;
  static constexpr size_t kBlock = 16;
  static constexpr bool kOffsets = false;
  static constexpr int kCentre = 7, kLargest = 255;

  template <class Out>
  [[gnu::always_inline]] static void decode(const Rows8& rows, size_t n_chunks, Out& out) {
    __m256 bytes[8][8];  // [chunk][row]
    for (size_t r = 0; r < 8; ++r) {
      std::byte padded[Blocks::kBytes];
      const Points<kType> points(whole_block<Blocks::kBytes>(rows.row[r], n_chunks, padded));
      for (size_t c = 0; c < n_chunks; ++c) bytes[c][r] = _mm256_castsi256_ps(signed_bytes(points, c));
    }
    for (size_t c = 0; c < n_chunks; ++c) {
      transpose8(bytes[c]);
      for (size_t i = 0; i < 8; ++i) {
        out.put(c, i, _mm256_xor_si256(_mm256_castps_si256(bytes[c][i]), _mm256_set1_epi8(-128)));
      }
    }
  }
};

// Takes kernels of every such type to `table`: KernelsOf<Quants>::value.
template <template <class> class KernelsOf>
constexpr void set_points(GemmTable& table) {
  const auto set = [&table](TensorType type, const GemmKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::IQ1_S, KernelsOf<PointQuants<TensorType::IQ1_S>>::value);
  set(TensorType::IQ1_M, KernelsOf<PointQuants<TensorType::IQ1_M>>::value);
  set(TensorType::IQ2_XXS, KernelsOf<PointQuants<TensorType::IQ2_XXS>>::value);
  set(TensorType::IQ2_XS, KernelsOf<PointQuants<TensorType::IQ2_XS>>::value);
  set(TensorType::IQ2_S, KernelsOf<PointQuants<TensorType::IQ2_S>>::value);
  set(TensorType::IQ3_XXS, KernelsOf<PointQuants<TensorType::IQ3_XXS>>::value);
  set(TensorType::IQ3_S, KernelsOf<PointQuants<TensorType::IQ3_S>>::value);
  set(TensorType::TQ1_0, KernelsOf<PointQuants<TensorType::TQ1_0>>::value);
  set(TensorType::TQ2_0, KernelsOf<PointQuants<TensorType::TQ2_0>>::value);
  set(TensorType::NVFP4, KernelsOf<PointQuants<TensorType::NVFP4>>::value);
  set(TensorType::Q1_0, KernelsOf<PointQuants<TensorType::Q1_0>>::value);
  set(TensorType::Q2_0, KernelsOf<PointQuants<TensorType::Q2_0>>::value);
}

}  // namespace
}  // namespace quipu::kernels
