// Speeds of the matrix kernels beside what the machine can do at most. Not a test: `ninja bench_kernels`, then
//   bench_kernels limits
//   bench_kernels gemv|gemm TYPE[,TYPE...] N_OUTxN_IN TOKENS[,TOKENS...] [ISA] [THREADS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernels/isas.h"
#include "tests/kernels/limits.h"
#include "tests/kernels/weights.h"

namespace quipu::kernels {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of some runs of work(thread) on all threads at once, in seconds.
double best_s(int n_threads, const std::function<void(int)>& work) {
  double best = 1e9;
  for (const double start = now_s(); now_s() - start < 0.3;) {
    const double begin = now_s();
    std::vector<std::thread> threads;
    for (int i = 1; i < n_threads; ++i) threads.emplace_back(work, i);
    work(0);
    for (std::thread& t : threads) t.join();
    best = std::min(best, now_s() - begin);
  }
  return best;
}

std::vector<std::string> split(const std::string& list, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(list);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

struct Matrix {
  quant::TensorType type;
  size_t n_out, n_in, row_bytes;
  std::vector<std::byte> bytes;

  Matrix(quant::TensorType t, size_t out, size_t in)
      : type(t), n_out(out), n_in(in), row_bytes(*quant::row_bytes(t, in)), bytes(n_out * row_bytes) {
    std::mt19937 random(1);
    const test::Weights row(type, 16, n_in, random);
    for (size_t r = 0; r < n_out; ++r) {
      std::memcpy(bytes.data() + r * row_bytes, row.rows(r % 16, 1).data, row_bytes);
    }
  }
  [[nodiscard]] WeightRows rows(size_t first, size_t n) const {
    return {type, bytes.data() + first * row_bytes, row_bytes, n, n_in};
  }
};

void bench_gemv(const Kernels& table, const Matrix& m, size_t n_tokens, int n_threads) {
  const GemvKernels& gemv = *table.gemv_for(m.type);
  const size_t stride = gemv.packed_bytes(m.n_in);
  test::AlignedBytes x(stride * n_tokens);
  std::vector<float> values(m.n_in, 0.5f), y(n_tokens * m.n_out);
  const double pack_s = best_s(1, [&](int) { gemv.pack_x(values.data(), m.n_in, x.data()); });
  for (size_t t = 0; t < n_tokens; ++t) gemv.pack_x(values.data(), m.n_in, x.data() + t * stride);
  const double s = best_s(n_threads, [&](int thread) {
    const auto i = static_cast<size_t>(thread), n = static_cast<size_t>(n_threads);
    const size_t first = m.n_out * i / n, last = m.n_out * (i + 1) / n;
    gemv.multiply(m.rows(first, last - first), x.data(), stride, n_tokens, y.data() + first, m.n_out);
  });
  std::printf("gemv %-5s %zux%zu tokens %2zu: %6.2f GB/s of weights, %7.1f GFLOP/s, %8.1f us, pack %.2f us\n",
              std::string(quant::traits(m.type).name).c_str(), m.n_out, m.n_in, n_tokens,
              1e-9 * static_cast<double>(m.bytes.size()) / s,
              2e-9 * static_cast<double>(m.n_out * m.n_in * n_tokens) / s, 1e6 * s, 1e6 * pack_s);
}

void bench_gemm(const Kernels& table, const Matrix& m, size_t n_tokens, int n_threads, bool precise) {
  const GemmKernels& gemm = precise ? *table.gemm_precise : *table.gemm_for(m.type);
  const size_t stride = gemm.x_stride(m.n_in), panel_bytes = gemm.panel_bytes(m.n_in);
  test::AlignedBytes x(stride * n_tokens), panels(panel_bytes * static_cast<size_t>(n_threads));
  std::vector<float> values(m.n_in, 0.5f), y(n_tokens * m.n_out);
  const double pack_s = best_s(1, [&](int) {
    for (size_t t = 0; t < n_tokens; ++t) gemm.pack_x(values.data(), m.n_in, x.data() + t * stride);
  });
  const auto run = [&](int thread, bool multiply) {
    const auto i = static_cast<size_t>(thread), n = static_cast<size_t>(n_threads);
    std::byte* panel = panels.data() + i * panel_bytes;
    const size_t n_panels = (m.n_out + gemm.panel_rows - 1) / gemm.panel_rows;
    const size_t k_step = GemmKernels::kBlock;
    for (size_t p = n_panels * i / n; p < n_panels * (i + 1) / n; ++p) {
      const size_t row = p * gemm.panel_rows, n_rows = std::min(gemm.panel_rows, m.n_out - row);
      for (size_t k = 0; k < m.n_in; k += k_step) {
        const size_t k_end = std::min(m.n_in, k + k_step);
        gemm.unpack_panel(m.rows(row, n_rows), k, k_end, panel);
        if (!multiply) continue;
        gemm.multiply({.panel = panel,
                       .n_k = k_end - k,
                       .n_rows = n_rows,
                       .x = x.data() + k / GemmKernels::kBlock * gemm.x_block_bytes,
                       .x_stride = stride,
                       .n_tokens = n_tokens,
                       .y = y.data() + row,
                       .y_stride = m.n_out,
                       .accumulate = k != 0});
      }
    }
  };
  const double unpack_s = best_s(n_threads, [&](int thread) { run(thread, false); });
  const double s = best_s(n_threads, [&](int thread) { run(thread, true); });
  std::printf("gemm %-5s %zux%zu tokens %3zu: %7.1f GFLOP/s, %9.1f us, of which unpack %.1f us, pack %.1f us\n",
              std::string(quant::traits(m.type).name).c_str(), m.n_out, m.n_in, n_tokens,
              2e-9 * static_cast<double>(m.n_out * m.n_in * n_tokens) / s, 1e6 * s, 1e6 * unpack_s, 1e6 * pack_s);
}

int usage() {
  std::fprintf(stderr,
               "bench_kernels limits | gemv|gemm|precise TYPES N_OUTxN_IN TOKENS [ISA] [THREADS]\n"
               "TYPES and TOKENS are lists: Q4_1,Q8_0 1,2,4; TYPES may be `all`\n");
  return 2;
}

int run(const std::vector<std::string>& args) {
  if (args.empty()) return usage();
  if (args[0] == "limits") return test::print_limits(), 0;
  if (args.size() < 4) return usage();
  const std::vector<std::string> shape = split(args[2], 'x');
  Isa isa = Isa::generic;
  for (const Isa candidate : all_isas()) {
    if (args.size() > 4 ? isa_name(candidate) == args[4] : test::has(candidate)) isa = candidate;
  }
  const int n_threads = args.size() > 5 ? std::atoi(args[5].c_str()) : 2;
  std::vector<quant::TensorType> types;
  if (args[1] == "all") types = test::matrix_types();
  for (const std::string& name : split(args[1], ',')) {
    if (const quant::TypeTraits* type = quant::find_type(name)) types.push_back(type->type);
  }
  std::printf("%s, %d threads\n", std::string(isa_name(isa)).c_str(), n_threads);
  for (const quant::TensorType type : types) {
    const Matrix m(type, std::stoul(shape[0]), std::stoul(shape[1]));
    for (const std::string& tokens : split(args[3], ',')) {
      if (args[0] == "gemv") {
        bench_gemv(kernels(isa), m, std::stoul(tokens), n_threads);
      } else {
        bench_gemm(kernels(isa), m, std::stoul(tokens), n_threads, args[0] == "precise");
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace quipu::kernels

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return quipu::kernels::run({argv + 1, argv + argc});
}
