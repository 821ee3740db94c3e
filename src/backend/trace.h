// A file that says where the time goes, in Chrome's trace format: for Perfetto (ui.perfetto.dev) or chrome://tracing.
// docs/formats/trace.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/platform.h"

namespace quipu::backend {

using TraceTime = std::chrono::steady_clock::time_point;

// Some time that a thread spent on one thing.
struct TraceSlice {
  TraceTime begin, end;
  uint32_t name = 0;  // index into TraceTrack::names
  int32_t layer = -1;
  uint32_t rows = 0;   // tokens, or rows of another kind
  bool part = false;   // what one thread did of it
  uint64_t bytes = 0;  // of weights, cache or rows that were read and written
};

// What one engine did on its threads.
struct TraceTrack {
  uint32_t process = 0;            // as TraceFile::add_process gave it
  std::vector<std::string> names;  // grows only
};

class TraceFile {
 public:
  // The file appears with finish(). Slices above `most_slices` are left out, so that it stays of a size that viewers
  // open: 150 bytes each.
  static Result<std::shared_ptr<TraceFile>> create(const std::filesystem::path& path,
                                                   uint64_t most_slices = uint64_t{4} << 20);

  // From any thread. A group of threads with a name of its own in the viewer; its number.
  uint32_t add_process(std::string_view name, int n_threads);
  // From any thread. What cannot be written is reported by finish().
  void add(const TraceTrack& track, int thread, std::span<const TraceSlice> slices);
  // Ends the file. Nothing may be added afterwards. Returns how many slices were left out.
  Result<uint64_t> finish();

 private:
  explicit TraceFile(platform::OutputFile out, uint64_t most_slices);
  void write(std::string_view text);

  std::mutex mutex_;
  platform::OutputFile out_;
  Status status_;
  TraceTime start_ = std::chrono::steady_clock::now();
  uint64_t n_left_, n_left_out_ = 0;
  uint32_t n_processes_ = 0;
  bool first_ = true;
};

}  // namespace quipu::backend
