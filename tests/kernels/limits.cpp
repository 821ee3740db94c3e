#include "tests/kernels/limits.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace quipu::kernels::test {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Work>
double best_s(int n_threads, Work work) {
  double best = 1e9;
  for (int run = 0; run < 7; ++run) {
    const double begin = now_s();
    std::vector<std::thread> threads;
    for (int i = 0; i < n_threads; ++i) threads.emplace_back(work, i);
    for (std::thread& t : threads) t.join();
    best = std::min(best, now_s() - begin);
  }
  return best;
}

// Sixteen-byte loads of `n_streams` ranges of each thread's part.
double read_bandwidth(const std::vector<uint64_t>& data, int n_threads, size_t n_streams) {
  const size_t part = data.size() / static_cast<size_t>(n_threads) / n_streams / 64 * 64;
  const double s = best_s(n_threads, [&](int thread) {
    const uint64_t* base = data.data() + static_cast<size_t>(thread) * part * n_streams;
    uint64_t sum[8] = {};
    for (size_t i = 0; i < part; i += 32) {
      for (size_t stream = 0; stream < n_streams; ++stream) {
        for (size_t j = 0; j < 32; ++j) sum[j % 8] += base[stream * part + i + j];
      }
    }
    for (uint64_t v : sum) asm volatile("" ::"r"(v));
  });
  return static_cast<double>(part * n_streams * static_cast<size_t>(n_threads) * sizeof(uint64_t)) / s;
}

#if defined(__x86_64__)
constexpr int kRounds = 5000000;

// Twelve independent sums of one instruction.
#define QUIPU_LOOP(name, instruction)                                                                                \
  __attribute__((target("avx512f"))) void name() {                                                                   \
    for (int i = 0; i < kRounds; ++i) {                                                                              \
      asm volatile(instruction " %%zmm30, %%zmm31, %%zmm0\n" instruction " %%zmm30, %%zmm31, %%zmm1\n" instruction   \
                               " %%zmm30, %%zmm31, %%zmm2\n" instruction " %%zmm30, %%zmm31, %%zmm3\n" instruction   \
                               " %%zmm30, %%zmm31, %%zmm4\n" instruction " %%zmm30, %%zmm31, %%zmm5\n" instruction   \
                               " %%zmm30, %%zmm31, %%zmm6\n" instruction " %%zmm30, %%zmm31, %%zmm7\n" instruction   \
                               " %%zmm30, %%zmm31, %%zmm8\n" instruction " %%zmm30, %%zmm31, %%zmm9\n" instruction   \
                               " %%zmm30, %%zmm31, %%zmm10\n" instruction " %%zmm30, %%zmm31, %%zmm11\n" ::          \
                                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                                     "xmm10", "xmm11");                                                              \
    }                                                                                                                \
  }
QUIPU_LOOP(float32_loop, "vfmadd231ps")
QUIPU_LOOP(bfloat16_loop, "vdpbf16ps")
QUIPU_LOOP(int8_loop, "vpdpbusd")
QUIPU_LOOP(int16_loop, "vpdpwssd")
#undef QUIPU_LOOP

void print_rate(const char* name, bool has, void (*loop)(), double ops) {
  if (!has) return;
  for (const int n_threads : {1, 2}) {
    const double s = best_s(n_threads, [loop](int) { loop(); });
    std::printf("%-10s %d threads: %7.1f GFLOP/s\n", name, n_threads, 1e-9 * ops * 12 * kRounds * n_threads / s);
  }
}

void print_arithmetic() {
  __builtin_cpu_init();
  print_rate("float32", __builtin_cpu_supports("avx512f"), float32_loop, 32);
  print_rate("bfloat16", __builtin_cpu_supports("avx512bf16"), bfloat16_loop, 64);
  print_rate("int16", __builtin_cpu_supports("avx512vnni"), int16_loop, 64);
  print_rate("int8", __builtin_cpu_supports("avx512vnni"), int8_loop, 128);
}
#else
void print_arithmetic() {}
#endif

}  // namespace

void print_limits() {
  print_arithmetic();
  const std::vector<uint64_t> data(size_t{64} << 20, 1);  // 512 MiB: far beyond any cache
  for (const int n_threads : {1, 2}) {
    double best = 0;
    for (const size_t n_streams : {1, 2, 4, 8}) best = std::max(best, read_bandwidth(data, n_threads, n_streams));
    std::printf("read       %d threads: %7.1f GB/s\n", n_threads, 1e-9 * best);
  }
}

}  // namespace quipu::kernels::test
