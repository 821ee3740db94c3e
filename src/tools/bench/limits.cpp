#include "tools/bench/limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <span>

#include "base/aligned_bytes.h"
#include "platform/platform.h"
#include "tools/bench/loops.h"

namespace quipu::tools {
namespace {

// Several times the largest last-level cache of common servers, so that caches hold little of it.
constexpr size_t kBufferBytes = size_t{1} << 30;
constexpr size_t kLeastBufferBytes = size_t{64} << 20;
constexpr size_t kChunkBytes = 16 * kReadUnit;
constexpr int kReadPasses = 4;
constexpr double kPeakSeconds = 0.1;
constexpr int kPeakPasses = 3;

double seconds_of(auto&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double read_rate(ThreadPool& pool, const ReadLoop& loop, const std::byte* data, size_t bytes) {
  std::atomic<uint64_t> sink{0};
  double best = 0.0;
  for (int pass = 0; pass < kReadPasses; ++pass) {
    const double seconds = seconds_of([&] {
      pool.run(bytes / kChunkBytes, [&](int, size_t i) {
        sink.fetch_xor(loop.read(data + i * kChunkBytes, kChunkBytes), std::memory_order_relaxed);
      });
    });
    best = std::max(best, static_cast<double>(bytes) / seconds / 1e9);
  }
  return best;
}

double peak_rate(ThreadPool& pool, const PeakLoop& loop) {
  std::atomic<uint64_t> sink{0};
  uint64_t rounds = 1000;
  double best = 0.0;
  const auto n_threads = static_cast<size_t>(pool.n_threads());
  for (int pass = 0; pass < kPeakPasses; ++pass) {
    const double seconds = seconds_of([&] {
      pool.run(n_threads, [&](int, size_t) {
        sink.fetch_xor(static_cast<uint64_t>(loop.run(rounds) != 0.0f), std::memory_order_relaxed);
      });
    });
    const double operations = static_cast<double>(rounds * loop.operations_per_round) * static_cast<double>(n_threads);
    // The first passes only find out how many rounds are long enough to be measured.
    if (seconds < kPeakSeconds / 4) {
      rounds *= 8;
      --pass;
      continue;
    }
    best = std::max(best, operations / seconds / 1e12);
  }
  return best;
}

}  // namespace

const Limits::Read& Limits::best_read() const {
  return *std::max_element(reads.begin(), reads.end(),
                           [](const Read& a, const Read& b) { return a.gb_per_s < b.gb_per_s; });
}

const Limits::Peak& Limits::best_peak() const {
  return *std::max_element(peaks.begin(), peaks.end(), [](const Peak& a, const Peak& b) {
    return a.tera_operations_per_s < b.tera_operations_per_s;
  });
}

Result<Limits> measure_limits(ThreadPool& pool) {
  const uint64_t available = platform::memory().available_bytes;
  Limits limits;
  limits.n_threads = pool.n_threads();
  limits.buffer_bytes = std::min<uint64_t>(kBufferBytes, available / 4) / kChunkBytes * kChunkBytes;
  if (limits.buffer_bytes < kLeastBufferBytes) {
    return error_of(ErrorKind::out_of_memory, "measuring the memory needs {} MiB, but {} MiB are available",
                    4 * kLeastBufferBytes >> 20, available >> 20);
  }
  const AlignedBytes buffer = aligned_bytes(limits.buffer_bytes);
  if (!buffer) {
    return error_of(ErrorKind::out_of_memory, "no room for a buffer of {} MiB", limits.buffer_bytes >> 20);
  }
  // By the threads that will read it, so that each gets memory of its own node.
  pool.run(limits.buffer_bytes / kChunkBytes,
           [&](int, size_t i) { std::memset(buffer.get() + i * kChunkBytes, static_cast<int>(i), kChunkBytes); });

  const AvailableLoops available_now = available_loops();
  const std::span tables(available_now.tables, available_now.n);
  for (const Loops& table : tables) {
    for (const PeakLoop& loop : table.peaks) limits.peaks.push_back({std::string(loop.name), peak_rate(pool, loop)});
  }
  // The widest loads only: narrower ones reach at most as much.
  const auto widest = std::find_if(tables.rbegin(), tables.rend(), [](const Loops& t) { return !t.reads.empty(); });
  for (const ReadLoop& loop : widest->reads) {
    limits.reads.push_back({std::string(loop.name), read_rate(pool, loop, buffer.get(), limits.buffer_bytes)});
  }
  return limits;
}

}  // namespace quipu::tools
