// How the fused x86 kernels for quantised types take x: as 16-bit integers with a scale for each 256, so that products
// with integer weights are exact and the only error is that of rounding x once, at most 2^-16 of the largest magnitude
// among those 256. Weights are taken as unsigned integers times a scale plus an offset for each block of 32 or 16;
// offsets meet the sums of x.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quipu::kernels {
namespace {

// The order of q within a group is that in which weights come out of their blocks with the fewest instructions. Its
// units are the 8 even or the 8 odd elements of 16 consecutive ones ("run"): four units of different blocks fill a
// 512-bit register, so that every quarter (after multiplication: 4 sums) of it belongs to one block and each register
// of sums is converted and scaled at once.
enum class Order : uint8_t {
  blocks32,    // Q8_0, Q4_0 ...: registers 0..3 hold blocks 0..3, registers 4..7 blocks 4..7
  nibbles32,   // Q4_K, Q5_K: registers 0..3 hold sub-blocks 0, 2, 4, 6, registers 4..7 sub-blocks 1, 3, 5, 7
  nibbles16,   // Q6_K: registers 2 g and 2 g + 1 hold sub-blocks 4 g ... 4 g + 3
  two_bits16,  // Q2_K, Q3_K: registers 2 j and 2 j + 1 hold sub-blocks 2 j, 2 j + 1, 8 + 2 j, 9 + 2 j
};

// Where the unit of a run (0..15) stands: 4 * register + quarter.
constexpr size_t unit_of_run(Order order, size_t run, size_t odd) {
  const size_t block = run / 2, half = run % 2;
  switch (order) {
    case Order::blocks32:
      return 4 * (4 * (block / 4) + 2 * half + odd) + block % 4;
    case Order::nibbles32:
      return 4 * (4 * (block % 2) + 2 * half + odd) + block / 2;
    case Order::nibbles16:
      return 4 * (2 * (run / 4) + odd) + run % 4;
    case Order::two_bits16:
      return 4 * (2 * (block % 4) + odd) + 2 * (run / 8) + half;
  }
  return 0;
}

// The block of 32, or of 16, that quarter 0..3 of the registers of a group belongs to. A group is the registers that
// hold the same blocks: 4 of blocks of 32, 2 of blocks of 16.
constexpr size_t block_of_quarter(Order order, size_t group, size_t quarter) {
  switch (order) {
    case Order::blocks32:
      return 4 * group + quarter;
    case Order::nibbles32:
      return 2 * quarter + group;
    case Order::nibbles16:
      return 4 * group + quarter;
    case Order::two_bits16:
      return 8 * (quarter / 2) + 2 * group + quarter % 2;
  }
  return 0;
}

constexpr bool blocks_of_32(Order order) {
  return order == Order::blocks32 || order == Order::nibbles32;
}

// x = scale * q, |q| <= 32767; with a NaN or infinity in it the scale is NaN and q are zeros.
struct alignas(64) Packed256 {
  int16_t q[256];
  // scale * sum of q: of each run of 16, in order; or of each 32, in order, behind 8 zeros (scales of weights stand in
  // the first half of the register that has their offsets in the second).
  float sums[16];
  float scale;
};

inline constexpr float kMaxQ = 32767;
// A magnitude below this is taken as zero: its reciprocal times 32767 must not overflow.
inline constexpr float kLeastMax = 0x1p-100f;

inline size_t packed_bytes(size_t n_in) {
  return (n_in + 255) / 256 * sizeof(Packed256);
}

// For F32, F16 and BF16: float32, padded with zeros to whole groups of 32.
inline size_t packed_float_bytes(size_t n_in) {
  return (n_in + 31) / 32 * 32 * sizeof(float);
}

}  // namespace
}  // namespace quipu::kernels
