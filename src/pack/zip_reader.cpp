#include <algorithm>
#include <numeric>

#include "base/checked.h"
#include "pack/crc32.h"
#include "pack/zip.h"
#include "pack/zip_format.h"

namespace quipu::pack {
namespace {

using Bytes = std::span<const std::byte>;

// Mozilla's largest files have some 700 entries; this many are read in a blink and need no more than some 20 MB.
constexpr uint64_t kMaxEntries = 100'000;
constexpr uint64_t kMaxDirectoryBytes = 64U << 20;
constexpr uint64_t kPieceBytes = 1U << 20;  // between two looks at the sink

// Where the directory lies, from the end records.
struct DirectoryPlace {
  uint64_t offset = 0, size = 0, n_entries = 0;
  uint64_t bias = 0;  // to be added to every offset in the zip
};

bool fits(uint64_t offset, uint64_t size, uint64_t total) {
  return offset <= total && size <= total - offset;
}

bool has_signature(Bytes file, uint64_t offset, uint32_t signature) {
  return fits(offset, 4, file.size()) && format::u32(file, offset) == signature;
}

// The end record whose comment reaches exactly to the end of the file. Two such records would mean that two readers
// can see two different directories: an error.
Result<std::optional<uint64_t>> find_end_record(Bytes file) {
  std::optional<uint64_t> found;
  if (file.size() < format::kEndSize) return found;
  const uint64_t last = file.size() - format::kEndSize;
  const uint64_t first = last > format::kMaxComment ? last - format::kMaxComment : 0;
  for (uint64_t at = last + 1; at-- > first;) {
    if (file[static_cast<size_t>(at)] != std::byte{'P'} || !has_signature(file, at, format::kEndSignature)) continue;
    if (at + format::kEndSize + format::u16(file, at + 20) != file.size()) continue;
    if (found) return invalid_input("two zip directories end at byte offsets {} and {}: ambiguous", at, *found);
    found = at;
  }
  return found;
}

// The zip64 end record, where its locator (right before the end record) points, with or without the prefix counted.
Result<uint64_t> find_end64_record(Bytes file, uint64_t locator) {
  if (format::u32(file, locator + 4) != 0 || format::u32(file, locator + 16) > 1) {
    return error_of(ErrorKind::unsupported, "the zip is split over several disks");
  }
  for (const uint64_t at : {format::u64(file, locator + 8), locator - format::kEnd64Size}) {
    if (!has_signature(file, at, format::kEnd64Signature) || !fits(at, format::kEnd64Size, locator)) continue;
    const auto end = checked_add(at + 12, format::u64(file, at + 4));
    if (end && *end == locator) return at;
  }
  return invalid_input("the zip64 end record is not where byte offset {} says", locator + 8);
}

Status read_end64(Bytes file, uint64_t end, uint64_t end64, DirectoryPlace& place) {
  if (format::u32(file, end64 + 16) != 0 || format::u32(file, end64 + 20) != 0 ||
      format::u64(file, end64 + 24) != format::u64(file, end64 + 32)) {
    return error_of(ErrorKind::unsupported, "the zip is split over several disks");
  }
  const DirectoryPlace big{.offset = format::u64(file, end64 + 48),
                           .size = format::u64(file, end64 + 40),
                           .n_entries = format::u64(file, end64 + 32)};
  const bool same = (place.n_entries == format::kSaturated16 || place.n_entries == big.n_entries) &&
                    (place.size == format::kSaturated32 || place.size == big.size) &&
                    (place.offset == format::kSaturated32 || place.offset == big.offset);
  if (!same) return invalid_input("the zip's end records at byte offsets {} and {} disagree", end64, end);
  place = big;
  return {};
}

Result<std::optional<DirectoryPlace>> find_directory(Bytes file) {
  QUIPU_TRY(const auto end, find_end_record(file));
  if (!end) return std::optional<DirectoryPlace>();
  DirectoryPlace place{.offset = format::u32(file, *end + 16),
                       .size = format::u32(file, *end + 12),
                       .n_entries = format::u16(file, *end + 10)};
  if (format::u16(file, *end + 4) != 0 || format::u16(file, *end + 6) != 0 ||
      format::u16(file, *end + 8) != format::u16(file, *end + 10)) {
    return error_of(ErrorKind::unsupported, "the zip is split over several disks");
  }
  uint64_t directory_end = *end;
  if (*end >= format::kLocatorSize + format::kEnd64Size &&
      has_signature(file, *end - format::kLocatorSize, format::kLocatorSignature)) {
    QUIPU_TRY(directory_end, find_end64_record(file, *end - format::kLocatorSize));
    QUIPU_CHECK_OK(read_end64(file, *end, directory_end, place));
  }
  if (place.size > directory_end || place.size > kMaxDirectoryBytes || place.n_entries > kMaxEntries ||
      place.n_entries > place.size / format::kCentralSize) {
    return invalid_input(
        "the zip's end record at byte offset {} tells of {} entries in {} bytes: impossible or too many", *end,
        place.n_entries, place.size);
  }
  // The directory stands right before the end records; if the offset that was written does not say so, a program was
  // put in front without correcting it.
  const uint64_t actual = directory_end - place.size;
  if (place.offset > actual) {
    return invalid_input("the zip directory at byte offset {} reaches beyond its end record", place.offset);
  }
  if (place.offset != actual) {
    const bool as_written = place.n_entries > 0 && has_signature(file, place.offset, format::kCentralSignature);
    if (!as_written) place.bias = actual - place.offset;
  }
  place.offset += place.bias;
  return std::optional(place);
}

// The zip64 values that replace saturated 32-bit ones, in their fixed order (4.5.3).
class Zip64Values {
 public:
  explicit Zip64Values(Bytes extra) {
    while (extra.size() >= 4) {
      const size_t size = format::u16(extra, 2);
      if (size > extra.size() - 4) return;
      if (format::u16(extra, 0) == format::kExtraZip64) {
        values_ = extra.subspan(4, size);
        return;
      }
      extra = extra.subspan(4 + size);
    }
  }
  // `value`, or the next 64-bit one if it is saturated; false if that is missing.
  bool resolve(uint64_t& value) {
    if (value != format::kSaturated32) return true;
    if (values_.size() < 8) return false;
    value = format::u64(values_, 0);
    values_ = values_.subspan(8);
    return true;
  }

 private:
  Bytes values_;
};

// One record of the directory; its size is added to `at`.
Result<Entry> read_central(Bytes file, const DirectoryPlace& place, uint64_t& at) {
  const uint64_t end = place.offset + place.size;
  if (!fits(at, format::kCentralSize, end) || !has_signature(file, at, format::kCentralSignature)) {
    return invalid_input("the zip directory is damaged at byte offset {}", at);
  }
  const uint64_t name_size = format::u16(file, at + 28), extra_size = format::u16(file, at + 30);
  const uint64_t record_size = format::kCentralSize + name_size + extra_size + format::u16(file, at + 32);
  if (!fits(at, record_size, end)) return invalid_input("the zip directory is damaged at byte offset {}", at);
  const auto part = [&](uint64_t offset, uint64_t size) {
    return file.subspan(static_cast<size_t>(at + offset), static_cast<size_t>(size));
  };
  Entry entry;
  entry.name = format::text(part(format::kCentralSize, name_size));
  entry.method = format::u16(file, at + 10);
  entry.encrypted = (format::u16(file, at + 8) & format::kFlagEncrypted) != 0;
  entry.crc = format::u32(file, at + 16);
  constexpr uint16_t kMadeOnUnix = 3;  // 4.4.2; the mode stands in the upper half then
  if (format::u16(file, at + 4) >> 8 == kMadeOnUnix) entry.mode = format::u16(file, at + 40) & 07777;
  entry.compressed_size = format::u32(file, at + 20);
  entry.size = format::u32(file, at + 24);
  entry.header_offset = format::u32(file, at + 42);
  Zip64Values zip64(part(format::kCentralSize + name_size, extra_size));
  if (!zip64.resolve(entry.size) || !zip64.resolve(entry.compressed_size) || !zip64.resolve(entry.header_offset)) {
    return invalid_input("the zip64 sizes of the entry at byte offset {} are missing", at);
  }
  if (const auto why = bad_entry_name(entry.name)) {
    return invalid_input("the name of the zip entry at byte offset {} is {}", at, *why);
  }
  const auto header = checked_add(entry.header_offset, place.bias);
  if (!header || !fits(*header, format::kLocalSize, place.offset)) {
    return invalid_input("zip entry '{}' begins beyond the zip's data (byte offset {})", entry.name,
                         entry.header_offset);
  }
  entry.header_offset = *header;
  at += record_size;
  return entry;
}

// Compares the header in front of the data with the directory, and finds the data.
Status read_local(Bytes file, const DirectoryPlace& place, Entry& entry) {
  const uint64_t at = entry.header_offset;
  const auto wrong = [&](std::string_view what) {
    return invalid_input("zip entry '{}': {} in its header at byte offset {}", entry.name, what, at);
  };
  if (!has_signature(file, at, format::kLocalSignature)) return wrong("no signature");
  const uint64_t name_size = format::u16(file, at + 26), extra_size = format::u16(file, at + 28);
  entry.data_offset = at + format::kLocalSize + name_size + extra_size;
  if (!fits(entry.data_offset, entry.compressed_size, place.offset)) {
    return invalid_input("zip entry '{}' ({} bytes from byte offset {}) reaches beyond the zip's data", entry.name,
                         entry.compressed_size, entry.data_offset);
  }
  const auto part = [&](uint64_t offset, uint64_t size) {
    return file.subspan(static_cast<size_t>(at + offset), static_cast<size_t>(size));
  };
  if (format::text(part(format::kLocalSize, name_size)) != entry.name) return wrong("another name");
  if (format::u16(file, at + 8) != entry.method) return wrong("another method");
  const uint16_t flags = format::u16(file, at + 6);
  if (((flags & format::kFlagEncrypted) != 0) != entry.encrypted) return wrong("another encryption");
  if (entry.method == Entry::kStored && !entry.encrypted && entry.compressed_size != entry.size) {
    return invalid_input("zip entry '{}' is stored, but of two sizes", entry.name);
  }
  const uint64_t crc = format::u32(file, at + 14);
  uint64_t compressed_size = format::u32(file, at + 18), size = format::u32(file, at + 22);
  Zip64Values zip64(part(format::kLocalSize + name_size, extra_size));
  if (!zip64.resolve(size) || !zip64.resolve(compressed_size)) return wrong("no zip64 sizes");
  // With a data descriptor the writer did not know them yet (4.4.4): zeros, or already right.
  const bool later = (flags & format::kFlagDescriptor) != 0;
  if (crc != entry.crc && !(later && crc == 0)) return wrong("another CRC");
  if (compressed_size != entry.compressed_size && !(later && compressed_size == 0)) return wrong("another size");
  if (size != entry.size && !(later && size == 0)) return wrong("another size");
  return {};
}

Status check_overlaps(const std::vector<Entry>& entries) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return entries[a].header_offset < entries[b].header_offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const Entry &before = entries[order[i - 1]], &after = entries[order[i]];
    if (before.data_offset + before.compressed_size > after.header_offset) {
      return invalid_input("zip entries '{}' and '{}' overlap", before.name, after.name);
    }
  }
  return {};
}

std::vector<uint32_t> order_by_name(const std::vector<Entry>& entries) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return entries[a].name < entries[b].name; });
  return order;
}

}  // namespace

std::optional<std::string_view> bad_entry_name(std::string_view name) {
  if (name.empty()) return "empty";
  if (name.size() > 4096) return "too long";
  if (name.front() == '/') return "absolute";
  if (name.find('\\') != name.npos) return "one with a backslash";
  if (name.size() > 1 && name[1] == ':') return "one with a drive";
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return "one with a control character";
  }
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    if (part == ".." || part == ".") return "one with '.' or '..' as a part";
    if (part.empty() && end != name.size()) return "one with an empty part";
    at = end + 1;
  }
  return std::nullopt;
}

Result<std::optional<ZipDirectory>> read_zip_directory(Bytes file) {
  QUIPU_TRY(const auto place, find_directory(file));
  if (!place) return std::optional<ZipDirectory>();
  ZipDirectory directory;
  directory.begin = place->offset;
  directory.entries.reserve(static_cast<size_t>(place->n_entries));
  uint64_t at = place->offset;
  for (uint64_t i = 0; i < place->n_entries; ++i) {
    QUIPU_TRY(Entry entry, read_central(file, *place, at));
    QUIPU_CHECK_OK(read_local(file, *place, entry));
    directory.begin = std::min(directory.begin, entry.header_offset);
    directory.entries.push_back(std::move(entry));
  }
  if (at != place->offset + place->size) {
    return invalid_input("the zip directory has {} bytes too many after its last entry",
                         place->offset + place->size - at);
  }
  const auto order = order_by_name(directory.entries);
  for (size_t i = 1; i < order.size(); ++i) {
    const std::string& name = directory.entries[order[i]].name;
    if (name == directory.entries[order[i - 1]].name) return invalid_input("zip entry '{}' is there twice", name);
  }
  QUIPU_CHECK_OK(check_overlaps(directory.entries));
  return std::optional(std::move(directory));
}

Result<std::optional<Zip>> Zip::find(std::shared_ptr<const platform::MappedFile> file) {
  auto directory = read_zip_directory(file->bytes());
  if (!directory.ok()) return directory.error().within(file->path().string());
  if (!directory->has_value()) return std::optional<Zip>();
  Zip zip;
  zip.file_ = std::move(file);
  zip.begin_ = (*directory)->begin;
  zip.entries_ = std::move((*directory)->entries);
  zip.by_name_ = order_by_name(zip.entries_);
  return std::optional(std::move(zip));
}

const Entry* Zip::find(std::string_view name) const {
  const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](uint32_t i, std::string_view wanted) { return entries_[i].name < wanted; });
  return it != by_name_.end() && entries_[*it].name == name ? &entries_[*it] : nullptr;
}

Result<std::span<const std::byte>> Zip::stored_data(const Entry& entry) const {
  if (entry.encrypted || entry.method != Entry::kStored) {
    return error_of(ErrorKind::unsupported, "{}: entry '{}' is {}, so it can't be mapped: store it (zip -0)",
                    file_->path().string(), entry.name, entry.encrypted ? "encrypted" : "compressed");
  }
  return file_->bytes().subspan(static_cast<size_t>(entry.data_offset), static_cast<size_t>(entry.size));
}

Status Zip::read(const Entry& entry, const ByteSink& sink) const {
  const auto named = [&](const Error& error) {
    return error.within(fmt::format("{}: entry '{}'", file_->path().string(), entry.name));
  };
  if (entry.encrypted) return named(error_of(ErrorKind::unsupported, "is encrypted"));
  uint32_t crc = 0;
  bool sink_failed = false;
  const ByteSink checked_sink = [&](Bytes bytes) -> Status {
    crc = crc32(crc, bytes);
    auto status = sink(bytes);
    sink_failed = !status.ok();
    return status;
  };
  Status status;
  if (entry.method == Entry::kDeflated) {
    status = inflate(
        file_->bytes().subspan(static_cast<size_t>(entry.data_offset), static_cast<size_t>(entry.compressed_size)),
        entry.size, checked_sink);
  } else if (entry.method == Entry::kStored) {
    QUIPU_TRY(Bytes data, stored_data(entry));
    while (!data.empty() && status.ok()) {
      const Bytes piece = data.first(std::min<size_t>(data.size(), kPieceBytes));
      status = checked_sink(piece);
      data = data.subspan(piece.size());
    }
  } else {
    status = error_of(ErrorKind::unsupported, "is compressed by method {}; stored and deflated ones can be read",
                      entry.method);
  }
  if (!status.ok()) return sink_failed ? status.error() : named(status.error());
  if (crc != entry.crc) return named(invalid_input("is damaged: its CRC is {:08x}, not {:08x}", crc, entry.crc));
  return {};
}

Result<std::string> Zip::read_small(const Entry& entry, uint64_t max_bytes) const {
  if (entry.size > max_bytes) {
    return error_of(ErrorKind::limit_exceeded, "{}: entry '{}' has {} bytes; at most {} are read",
                    file_->path().string(), entry.name, entry.size, max_bytes);
  }
  std::string content;
  content.reserve(static_cast<size_t>(entry.size));
  QUIPU_CHECK_OK(read(entry, [&](Bytes bytes) -> Status {
    content.append(format::text(bytes));
    return {};
  }));
  return content;
}

}  // namespace quipu::pack
