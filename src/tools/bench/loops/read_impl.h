// The reading loop for a width of vectors. Internal linkage: each including file is compiled for its own instruction
// set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tools/bench/loops.h"

namespace quipu::tools::loops {
namespace {

// Memory controllers and prefetchers like different numbers of streams, so a machine's best is found by trying.
// `Width::Vector` is the type of a load (a plain template argument would lose its attributes).
template <typename Width, size_t kStreams, size_t kPrefetchBytes>
uint64_t read_streams(const std::byte* data, size_t bytes) {
  using Vector = typename Width::Vector;
  constexpr size_t kLine = 64;
  const size_t part = bytes / kStreams;
  Vector sums[kStreams] = {};
  for (size_t i = 0; i < part; i += 4 * kLine) {
#pragma GCC unroll 8
    for (size_t stream = 0; stream < kStreams; ++stream) {
      const std::byte* p = data + stream * part + i;
#pragma GCC unroll 16
      for (size_t j = 0; j < 4 * kLine; j += sizeof(Vector)) {
        if (kPrefetchBytes != 0 && j % kLine == 0) __builtin_prefetch(p + j + kPrefetchBytes);
        sums[stream] ^= *reinterpret_cast<const Vector*>(p + j);
      }
    }
  }
  Vector all = sums[0];
  for (size_t stream = 1; stream < kStreams; ++stream) all ^= sums[stream];
  uint64_t result = 0;
  for (size_t i = 0; i < sizeof(Vector) / sizeof(uint64_t); ++i) result ^= static_cast<uint64_t>(all[i]);
  return result;
}

template <typename Width>
constexpr std::array kReadLoops{
    ReadLoop{"1 stream", &read_streams<Width, 1, 0>},
    ReadLoop{"2 streams", &read_streams<Width, 2, 0>},
    ReadLoop{"4 streams", &read_streams<Width, 4, 0>},
    ReadLoop{"8 streams", &read_streams<Width, 8, 0>},
    ReadLoop{"1 stream, prefetch 1 KiB", &read_streams<Width, 1, 1024>},
    ReadLoop{"1 stream, prefetch 4 KiB", &read_streams<Width, 1, 4096>},
    ReadLoop{"4 streams, prefetch 1 KiB", &read_streams<Width, 4, 1024>},
    ReadLoop{"4 streams, prefetch 4 KiB", &read_streams<Width, 4, 4096>},
};

// Enough independent sums to hide the latency of a multiply-add (4 or 5 cycles) on two ports.
constexpr size_t kSums = 12;

}  // namespace
}  // namespace quipu::tools::loops
