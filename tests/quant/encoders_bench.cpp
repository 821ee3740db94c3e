// Encodes a file of float32 numbers as every type and prints "TYPE RMSE million-numbers-per-second-of-CPU-time":
// `bench_encoders FILE`. Called by scripts/compare_encoders.py.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <vector>

#include "quant/types.h"

int main(int argc, char** argv) {
  std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary | std::ios::ate);
  if (!file) {
    fmt::print(stderr, "usage: bench_encoders FILE (of float32 numbers)\n");
    return 2;
  }
  const size_t n = static_cast<size_t>(file.tellg()) / sizeof(float) / 256 * 256;
  std::vector<float> x(n);
  std::vector<float> back(n);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(x.data()), static_cast<std::streamsize>(n * sizeof(float)));
  for (const auto& type : quipu::quant::all_types()) {
    if (type.encode == nullptr) continue;
    std::vector<std::byte> encoded(*quipu::quant::row_bytes(type.type, n));
    // Tables of the grid types are made at the first call.
    type.encode(x.data(), encoded.data(), 256);
    const std::clock_t begin = std::clock();
    type.encode(x.data(), encoded.data(), n);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    type.decode(encoded.data(), back.data(), n);
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += (double{x[i]} - back[i]) * (double{x[i]} - back[i]);
    fmt::print("{} {:.9g} {:.2f}\n", type.name, std::sqrt(sum / static_cast<double>(n)),
               static_cast<double>(n) / seconds / 1e6);
  }
  return 0;
}
