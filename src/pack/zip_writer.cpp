#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "pack/crc32.h"
#include "pack/zip.h"
#include "pack/zip_format.h"
#include "platform/sparse.h"

namespace quipu::pack {
namespace {

constexpr uint64_t kPieceBytes = 8U << 20;  // between two calls of Progress: some milliseconds of work
// 1980-01-01 00:00, the earliest time that a zip can tell (4.4.6): the same input gives the same bytes.
constexpr uint16_t kDosTime = 0, kDosDate = 1 << 5 | 1;
constexpr uint16_t kVersion20 = 20, kVersion45 = 45;  // needed to read: folders; zip64 (4.4.3.2)
constexpr uint16_t kMadeOnUnix = 3 << 8;
constexpr uint32_t kRegularFile = 0100000;  // S_IFREG
constexpr size_t kExtraHeader = 4, kLocalZip64 = 20;

bool is_big(uint64_t value) {
  return value >= format::kSaturated32;
}

// How many zero bytes before the header and how many bytes of padding field in it bring the data to kAlignment.
struct Padding {
  uint64_t gap = 0, field = 0;
};
Padding padding_for(uint64_t position, uint64_t header_size) {
  // A field has a header of 4 bytes and 2 of alignment in it; all fields together are at most 65,535 bytes.
  constexpr uint64_t kMinField = kExtraHeader + 2, kMaxField = 65535 - kLocalZip64;
  Padding padding;
  for (;; ++padding.gap) {
    const uint64_t end = position + padding.gap + header_size;
    padding.field = (kAlignment - end % kAlignment) % kAlignment;
    if (padding.field == 0 || (padding.field >= kMinField && padding.field <= kMaxField)) return padding;
  }
}

format::RecordBuilder local_header(const Entry& entry, uint64_t padding_field) {
  const bool zip64 = is_big(entry.size);
  const auto shown = [zip64](uint64_t size) { return zip64 ? format::kSaturated32 : size; };
  format::RecordBuilder record;
  record.u32(format::kLocalSignature).u16(zip64 ? kVersion45 : kVersion20).u16(format::kFlagUtf8).u16(entry.method);
  record.u16(kDosTime).u16(kDosDate).u32(entry.crc).u32(shown(entry.compressed_size)).u32(shown(entry.size));
  record.u16(entry.name.size()).u16((zip64 ? kLocalZip64 : 0) + padding_field).text(entry.name);
  if (zip64) record.u16(format::kExtraZip64).u16(16).u64(entry.size).u64(entry.compressed_size);
  if (padding_field != 0) {
    record.u16(format::kExtraAlignment).u16(padding_field - kExtraHeader);
    // The alignment is 65,536, which 16 bits can't tell; the half is the largest power of two that they can.
    record.u16(kAlignment / 2).zeros(static_cast<size_t>(padding_field) - kExtraHeader - 2);
  }
  return record;
}

}  // namespace

Status ZipWriter::check_name(const std::string& name) const {
  QUIPU_CHECK(!finished_);
  if (const auto why = bad_entry_name(name)) {
    return invalid_input("'{}' can't be the name of a zip entry: it is {}", name, *why);
  }
  const auto same = [&](const Entry& other) { return other.name == name; };
  if (std::any_of(entries_.begin(), entries_.end(), same)) {
    return invalid_input("two files would have the name '{}' in the zip", name);
  }
  return {};
}

void ZipWriter::add_sum(Sha256& sum, const std::string& name) {
  if (with_sums_) sums_ += sum.hex() + "  " + name + "\n";
}

Status ZipWriter::begin_entry(Entry entry) {
  QUIPU_CHECK_OK(check_name(entry.name));
  const uint64_t header_size = format::kLocalSize + entry.name.size() + (is_big(entry.size) ? kLocalZip64 : 0);
  const Padding padding = padding_for(out_.position(), header_size);
  QUIPU_CHECK_OK(out_.skip_to(out_.position() + padding.gap));
  entry.header_offset = out_.position();
  const auto record = local_header(entry, padding.field);
  QUIPU_CHECK_OK(out_.write(record.bytes()));
  entry.data_offset = out_.position();
  QUIPU_CHECK(entry.data_offset % kAlignment == 0);
  entries_.push_back(std::move(entry));
  return {};
}

Status ZipWriter::add(std::string name, std::span<const std::byte> bytes, bool executable) {
  Entry entry{.name = std::move(name), .crc = crc32(0, bytes), .mode = executable ? 0755U : 0644U};
  entry.size = entry.compressed_size = bytes.size();
  Sha256 sum;
  if (with_sums_) sum.update(bytes);
  add_sum(sum, entry.name);
  QUIPU_CHECK_OK(begin_entry(std::move(entry)));
  return out_.write(bytes);
}

// Holes of the source stay holes. `advance` is called with the bytes of each piece.
Status ZipWriter::copy_range(const platform::MappedFile& source, uint64_t offset, uint64_t size,
                             const Progress& advance) {
  const uint64_t begin = out_.position(), end = offset + size;
  for (const auto& range : platform::data_ranges(source.path(), end)) {
    const uint64_t range_end = std::min(end, range.offset + range.size);
    uint64_t at = std::max(offset, range.offset);
    if (at >= range_end) continue;
    QUIPU_CHECK_OK(out_.skip_to(begin + (at - offset)));
    while (at < range_end) {
      const uint64_t n = std::min(kPieceBytes, range_end - at);
      QUIPU_CHECK_OK(out_.append_from(source, at, n));
      at += n;
      if (advance && !advance(n, size)) return error_of(ErrorKind::cancelled, "interrupted");
    }
  }
  return out_.skip_to(begin + size);
}

namespace {
// What hashes take in the place of a hole.
void update_zeros(Sha256& sum, uint64_t n) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  for (; n > 0; n -= std::min<uint64_t>(n, kZeros.size())) {
    sum.update(std::span(kZeros).first(static_cast<size_t>(std::min<uint64_t>(n, kZeros.size()))));
  }
}
}  // namespace

Status ZipWriter::add_file(std::string name, const platform::MappedFile& source, bool executable,
                           const Progress& progress) {
  const auto bytes = source.bytes();
  const auto ranges = platform::data_ranges(source.path(), bytes.size());
  // Once for the CRC, which stands before the data, and once to copy.
  uint64_t done = 0, total = 0;
  for (const auto& range : ranges) total += 2 * range.size;
  const auto advance = [&](uint64_t n) -> Status {
    done += n;
    if (progress && !progress(done, total)) return error_of(ErrorKind::cancelled, "interrupted");
    return {};
  };

  Entry entry{.name = std::move(name), .mode = executable ? 0755U : 0644U};
  entry.size = entry.compressed_size = bytes.size();
  Sha256 sum;
  uint64_t at = 0;
  for (const auto& range : ranges) {
    entry.crc = crc32_zeros(entry.crc, range.offset - at);
    if (with_sums_) update_zeros(sum, range.offset - at);
    for (at = range.offset; at < range.offset + range.size;) {
      const uint64_t n = std::min(kPieceBytes, range.offset + range.size - at);
      const auto piece = bytes.subspan(static_cast<size_t>(at), static_cast<size_t>(n));
      entry.crc = crc32(entry.crc, piece);
      if (with_sums_) sum.update(piece);
      at += n;
      QUIPU_CHECK_OK(advance(n));
    }
  }
  entry.crc = crc32_zeros(entry.crc, bytes.size() - at);
  if (with_sums_) update_zeros(sum, bytes.size() - at);
  add_sum(sum, entry.name);
  QUIPU_CHECK_OK(begin_entry(std::move(entry)));
  return copy_range(source, 0, bytes.size(), [&](uint64_t n, uint64_t) { return advance(n).ok(); });
}

Status ZipWriter::add_entry(const Zip& zip, const Entry& entry, const Progress& progress) {
  const uint64_t total = entry.size + entry.compressed_size;
  uint64_t done = 0;
  Sha256 sum;
  // Once through the content, which checks it.
  QUIPU_CHECK_OK(zip.read(entry, [&](std::span<const std::byte> bytes) -> Status {
    done += bytes.size();
    if (with_sums_) sum.update(bytes);
    if (progress && !progress(done, total)) return error_of(ErrorKind::cancelled, "interrupted");
    return {};
  }));
  add_sum(sum, entry.name);
  Entry copy = entry;
  if (copy.mode == 0) copy.mode = 0644;
  QUIPU_CHECK_OK(begin_entry(std::move(copy)));
  return copy_range(*zip.file(), entry.data_offset, entry.compressed_size, [&](uint64_t n, uint64_t) {
    done += n;
    return !progress || progress(done, total);
  });
}

Status ZipWriter::keep(const Zip& zip, const Entry& entry) {
  QUIPU_CHECK_OK(check_name(entry.name));
  QUIPU_CHECK(entry.data_offset + entry.compressed_size <= out_.position());
  Sha256 sum;
  QUIPU_CHECK_OK(zip.read(entry, [&](std::span<const std::byte> bytes) -> Status {
    if (with_sums_) sum.update(bytes);
    return {};
  }));
  add_sum(sum, entry.name);
  entries_.push_back(entry);
  return {};
}

Status ZipWriter::put_directory_record(const Entry& entry) {
  format::RecordBuilder big;  // those values of the entry that don't fit, in the order of 4.5.3
  for (const uint64_t value : {entry.size, entry.compressed_size, entry.header_offset}) {
    if (is_big(value)) big.u64(value);
  }
  const auto shown = [](uint64_t value) { return is_big(value) ? format::kSaturated32 : value; };
  format::RecordBuilder record;
  record.u32(format::kCentralSignature).u16(kMadeOnUnix | kVersion45).u16(big.size() != 0 ? kVersion45 : kVersion20);
  record.u16(format::kFlagUtf8).u16(entry.method).u16(kDosTime).u16(kDosDate).u32(entry.crc);
  record.u32(shown(entry.compressed_size)).u32(shown(entry.size)).u16(entry.name.size());
  record.u16(big.size() != 0 ? kExtraHeader + big.size() : 0);
  record.u16(0).u16(0).u16(0);  // no comment, first disk, binary
  record.u32((kRegularFile | entry.mode) << 16).u32(shown(entry.header_offset)).text(entry.name);
  if (big.size() != 0) record.u16(format::kExtraZip64).u16(big.size()).text(format::text(big.bytes()));
  return out_.write(record.bytes());
}

Status ZipWriter::put_end_records(uint64_t directory_offset, uint64_t directory_size) {
  const uint64_t n = entries_.size(), end64_offset = directory_offset + directory_size;
  format::RecordBuilder record;
  if (is_big(directory_offset) || is_big(directory_size) || n >= format::kSaturated16) {
    record.u32(format::kEnd64Signature).u64(format::kEnd64Size - 12).u16(kMadeOnUnix | kVersion45).u16(kVersion45);
    record.u32(0).u32(0).u64(n).u64(n).u64(directory_size).u64(directory_offset);
    record.u32(format::kLocatorSignature).u32(0).u64(end64_offset).u32(1);
  }
  const uint64_t shown_n = std::min<uint64_t>(n, format::kSaturated16);
  record.u32(format::kEndSignature).u16(0).u16(0).u16(shown_n).u16(shown_n);
  record.u32(std::min<uint64_t>(directory_size, format::kSaturated32));
  record.u32(std::min<uint64_t>(directory_offset, format::kSaturated32)).u16(0);
  return out_.write(record.bytes());
}

Status ZipWriter::finish() {
  QUIPU_CHECK(!finished_);
  finished_ = true;
  const uint64_t offset = out_.position();
  for (const Entry& entry : entries_) QUIPU_CHECK_OK(put_directory_record(entry));
  return put_end_records(offset, out_.position() - offset);
}

}  // namespace quipu::pack
