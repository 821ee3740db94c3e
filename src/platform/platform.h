// What differs between operating systems, behind one header: one .cpp per system (linux.cpp, ...), posix.cpp for what
// the POSIX ones share. No other room may contain an #ifdef on a system or a system header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu::platform {

// ---- files ----------------------------------------------------------------------------------------------------

// A file mapped read-only, whole. Closed and unmapped by the destructor; may be read from any thread.
class MappedFile {
 public:
  // Errors: not_found, io (no permission, a directory), with the path in the message. An empty file has no bytes.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Tells the system that a range will be read soon (from any thread; advice only).
  void will_need(std::span<const std::byte> range) const;
  // Keeps a range in memory (mlock). Error: out_of_memory with the limit that stands in the way.
  [[nodiscard]] Status lock(std::span<const std::byte> range) const;

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  [[maybe_unused]] void* handle_ = nullptr;  // what a system needs beside the mapping
};

// A mapped file that is cut short by somebody else while we read it raises SIGBUS. After this call such a fault in a
// MappedFile prints one line that names the file and ends the process with exit code 1. For `main` alone.
void install_truncation_handler();

// A new file that appears under its name whole or not at all: written to a temporary name beside it, then renamed.
// The destructor removes what was not committed.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::filesystem::path& path, bool executable);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();
  [[nodiscard]] Status write(std::span<const std::byte> bytes);
  // Leaves a hole (zeros) up to `offset`, which must not lie before the current end.
  [[nodiscard]] Status skip_to(uint64_t offset);
  // Appends a range of another file, by the system's own copy or clone call where it has one.
  [[nodiscard]] Status append_from(const MappedFile& source, uint64_t offset, uint64_t size);
  [[nodiscard]] uint64_t position() const { return position_; }
  // Flushes to disk and renames into place. Errors: io (full disk, ...); the old file, if any, is untouched then.
  [[nodiscard]] Status commit();

 private:
  OutputFile() = default;
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  uint64_t position_ = 0;
};

// The whole of a small file; at most `max_bytes`, else limit_exceeded. "-" is standard input.
Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes);

// The running program's own file.
Result<std::filesystem::path> self_path();

// ---- the machine ----------------------------------------------------------------------------------------------

struct Memory {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  // without swapping, page cache that can be dropped included; limits of a cgroup heeded
};
Memory memory();
uint64_t peak_resident_bytes();

// Cores that are not hyper-threads of one another and that this process may use: at least 1.
int n_physical_cores();
std::string cpu_name();

// What the CPU and the system together allow (AVX-512 state enabled by the system, AMX permission granted, ...).
struct CpuFeatures {
  bool avx2 = false;  // with FMA and F16C
  bool avx_vnni = false;
  bool avx512 = false;  // F, BW, DQ, VL, CD
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_vbmi = false;
  bool amx_int8 = false;
  bool amx_bf16 = false;
  bool neon = false;
  bool dotprod = false;
  bool i8mm = false;
  bool bf16 = false;
};
const CpuFeatures& cpu_features();

// ---- terminal -------------------------------------------------------------------------------------------------

enum class Stream : uint8_t { standard_input, standard_output, standard_error };
bool is_terminal(Stream stream);
// Columns of the terminal behind standard output, or nothing if there is none.
std::optional<int> terminal_columns();
// Writes all bytes. False when the reader went away or the disk is full.
bool write_all(Stream stream, std::string_view bytes);

// ---- signals --------------------------------------------------------------------------------------------------

// While alive, Ctrl-C (SIGINT) sets a flag instead of ending the process. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  // True once for each time that Ctrl-C was pressed since the last call.
  static bool take();
};

// Writing to a pipe whose reader went away is an error code, not a signal. For `main` alone.
void ignore_broken_pipes();

// Local time, for strftime_now in chat templates: the text of `format` (strftime), at most 1024 bytes.
std::string local_time(const std::string& format);

}  // namespace quipu::platform
