// Loops that only read, or only multiply: what this machine can do at best. A table per instruction set, each compiled
// with its own flags; loops.cpp says which of them the CPU has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quipu::tools {

// Reads `bytes` (a multiple of kReadUnit) at `data` (64-byte aligned) once; the result keeps the compiler honest.
struct ReadLoop {
  std::string_view name;  // such as "4 streams, prefetch 2 KiB"
  uint64_t (*read)(const std::byte* data, size_t bytes);
};
inline constexpr size_t kReadUnit = 64 * 1024;

// Multiplies and adds `rounds` times in registers. One product and one sum are two operations.
struct PeakLoop {
  std::string_view name;  // such as "f32 FMA, AVX-512"
  uint64_t operations_per_round;
  float (*run)(uint64_t rounds);
};

struct Loops {
  std::span<const ReadLoop> reads;
  std::span<const PeakLoop> peaks;
};

// Those that the CPU has, from weak to strong.
struct AvailableLoops {
  static constexpr size_t kMax = 8;
  Loops tables[kMax];
  size_t n = 0;
};
AvailableLoops available_loops();

namespace loops {
extern const Loops generic;
extern const Loops avx2;
extern const Loops avx_vnni;
extern const Loops avx512;
extern const Loops avx512_vnni;
extern const Loops avx512_bf16;
extern const Loops amx_int8;
extern const Loops amx_bf16;
}  // namespace loops

}  // namespace quipu::tools
