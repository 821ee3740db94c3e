// Zip files (PKWARE APPNOTE 6.3.10; zip64 where needed), as they stand behind a program in a single-file executable.
// Written so that the data of every entry can be mapped: stored, at a multiple of 64 KiB. Format:
// docs/formats/llamafile.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pack/inflate.h"
#include "pack/sha256.h"
#include "platform/platform.h"

namespace quipu::pack {

// The largest page size of the systems and CPUs that we run on (arm64 Linux, Windows' allocation granularity).
constexpr uint64_t kAlignment = 65536;

// ---- reading ----------------------------------------------------------------------------------------------------

struct Entry {
  static constexpr uint16_t kStored = 0, kDeflated = 8;

  std::string name;  // relative, '/' between its parts; no "..", NUL, backslash or drive in it
  uint16_t method = kStored;
  bool encrypted = false;
  uint32_t crc = 0;
  uint32_t mode = 0;                            // POSIX permissions, 0 if the file was made on a system without them
  uint64_t header_offset = 0, data_offset = 0;  // from the start of the file
  uint64_t compressed_size = 0, size = 0;

  [[nodiscard]] bool is_directory() const { return !name.empty() && name.back() == '/'; }
};

// The directory of a zip file, checked: every entry lies inside the file, none overlaps another, each name occurs once,
// and each local header says the same as the directory. Immutable; may be read from any thread.
class Zip {
 public:
  // Nothing if the file does not end in a zip directory. Anything (a program) may stand in front of the zip; offsets
  // may count from the start of the file or of the zip. Errors: invalid_input, with file and byte offset.
  static Result<std::optional<Zip>> find(std::shared_ptr<const platform::MappedFile> file);

  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }
  [[nodiscard]] const Entry* find(std::string_view name) const;
  [[nodiscard]] const std::shared_ptr<const platform::MappedFile>& file() const { return file_; }
  // Where the first entry's header (without entries: the directory) begins: what is before is no part of the zip.
  [[nodiscard]] uint64_t begin() const { return begin_; }

  // The bytes of a stored entry in the mapped file. Errors: unsupported for a compressed or encrypted one.
  [[nodiscard]] Result<std::span<const std::byte>> stored_data(const Entry& entry) const;
  // Hands the content to `sink` in pieces, decoded if it is deflated, and compares its CRC. Errors: invalid_input
  // (damaged), unsupported (encrypted, another method), or the sink's own.
  [[nodiscard]] Status read(const Entry& entry, const ByteSink& sink) const;
  // The same into a string; limit_exceeded if it is longer than max_bytes.
  [[nodiscard]] Result<std::string> read_small(const Entry& entry, uint64_t max_bytes) const;

 private:
  Zip() = default;
  friend class ZipReader;
  std::shared_ptr<const platform::MappedFile> file_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> by_name_;  // indices into entries_, ordered by name
  uint64_t begin_ = 0;
};

// The same on bytes in memory: for tests and fuzzers. `name` stands for the file in messages.
struct ZipDirectory {
  std::vector<Entry> entries;  // in the order of the directory
  uint64_t begin = 0;
};
Result<std::optional<ZipDirectory>> read_zip_directory(std::span<const std::byte> file);

// Why a name must not be in a zip that we read or write, or nothing.
std::optional<std::string_view> bad_entry_name(std::string_view name);

// ---- writing ----------------------------------------------------------------------------------------------------

// Called between pieces of work with what is done and to do; false stops with `cancelled`.
using Progress = std::function<bool(uint64_t done_bytes, uint64_t total_bytes)>;

// Appends stored entries to a file that may have a program in front, then the directory. The same input gives the same
// bytes: times are fixed, nothing of the machine is recorded.
class ZipWriter {
 public:
  // `with_sums` computes the SHA-256 of what is added, for the manifest.
  explicit ZipWriter(platform::OutputFile& out, bool with_sums = false) : out_(out), with_sums_(with_sums) {}

  // `executable` sets the permissions 0755 instead of 0644. Errors: invalid_input for a bad or repeated name; io.
  Status add(std::string name, std::span<const std::byte> bytes, bool executable = false);
  // The whole of a file. Holes stay holes, and cost no time.
  Status add_file(std::string name, const platform::MappedFile& source, bool executable = false,
                  const Progress& progress = {});
  // An entry of another zip as it is, compressed or not. Errors: as Zip::read; unsupported for an encrypted one.
  Status add_entry(const Zip& zip, const Entry& entry, const Progress& progress = {});
  // An entry that is in the file already, header and data, since the caller copied it to the same offsets.
  Status keep(const Zip& zip, const Entry& entry);
  // A line for each entry that was added or kept, as `sha256sum` writes and checks them; empty without sums.
  [[nodiscard]] const std::string& sums() const { return sums_; }
  // The directory. Nothing can be added after it.
  Status finish();

 private:
  Status check_name(const std::string& name) const;
  Status begin_entry(Entry entry);
  void add_sum(Sha256& sum, const std::string& name);
  Status copy_range(const platform::MappedFile& source, uint64_t offset, uint64_t size, const Progress& advance);
  Status put_directory_record(const Entry& entry);
  Status put_end_records(uint64_t directory_offset, uint64_t directory_size);

  platform::OutputFile& out_;
  std::vector<Entry> entries_;
  std::string sums_;
  bool with_sums_ = false, finished_ = false;
};

}  // namespace quipu::pack
