// 16-byte vectors, which every CPU has.
#include "tools/bench/loops/read_impl.h"

namespace quipu::tools::loops {
namespace {

struct Width {
  typedef long long Vector __attribute__((vector_size(16), may_alias));
};
typedef float Floats __attribute__((vector_size(16)));

float multiply_add(uint64_t rounds) {
  const Floats a = {0.5f, 0.25f, 0.125f, 0.75f};
  Floats sums[kSums] = {};
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (Floats& sum : sums) sum = sum * a + a;
  }
  float total = 0;
  for (const Floats& sum : sums) total += sum[0] + sum[1] + sum[2] + sum[3];
  return total;
}

constexpr PeakLoop kPeaks[] = {{"f32 multiply and add, 128 bit", kSums * 4 * 2, &multiply_add}};

}  // namespace

const Loops generic{kReadLoops<Width>, kPeaks};

}  // namespace quipu::tools::loops
