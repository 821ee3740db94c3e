// Mapped files, files that appear whole, small files.
#include <windows.h>
#include <winioctl.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "platform/console_windows.h"
#include "platform/platform.h"
#include "platform/sparse.h"
#include "platform/text_windows.h"

namespace quipu::platform {
namespace {

using windows::file_error;

// A handle in the `int` that OutputFile keeps: Windows guarantees that handles fit in 32 bits, for its own 32-bit
// programs ("Interprocess Communication Between 32-bit and 64-bit Applications").
int as_number(HANDLE handle) {
  return static_cast<int>(reinterpret_cast<intptr_t>(handle));
}
HANDLE as_handle(int number) {
  return reinterpret_cast<HANDLE>(static_cast<intptr_t>(number));  // NOLINT(performance-no-int-to-ptr)
}

HANDLE open_to_read(const std::filesystem::path& path) {
  return CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                     OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
}

constexpr size_t kMaxWrite = 1U << 30;  // of one WriteFile, whose count has 32 bits

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const HANDLE handle = open_to_read(path);
  if (handle == INVALID_HANDLE_VALUE) {
    const DWORD code = GetLastError();
    const DWORD attributes = GetFileAttributesW(path.c_str());
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
      return error_of(ErrorKind::io, "{}: is not a regular file", path.string());
    }
    return file_error(path.native(), "cannot open", code);
  }
  LARGE_INTEGER size{};
  if (GetFileType(handle) != FILE_TYPE_DISK || !GetFileSizeEx(handle, &size)) {
    CloseHandle(handle);
    return error_of(ErrorKind::io, "{}: is not a regular file", path.string());
  }
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->size_ = static_cast<size_t>(size.QuadPart);
  if (file->size_ == 0) {
    CloseHandle(handle);
    return std::shared_ptr<const MappedFile>(std::move(file));
  }
  const HANDLE mapping = CreateFileMappingW(handle, nullptr, PAGE_READONLY, 0, 0, nullptr);
  DWORD code = GetLastError();
  CloseHandle(handle);
  if (mapping == nullptr) return file_error(path.native(), "cannot map", code);
  void* data = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
  code = GetLastError();
  CloseHandle(mapping);  // the view keeps it
  if (data == nullptr) return file_error(path.native(), "cannot map", code);
  file->data_ = static_cast<const std::byte*>(data);
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) UnmapViewOfFile(data_);
}

void MappedFile::will_need(std::span<const std::byte> range) const {
  WIN32_MEMORY_RANGE_ENTRY entry{const_cast<std::byte*>(range.data()), range.size()};
  PrefetchVirtualMemory(GetCurrentProcess(), 1, &entry, 0);
}

Status MappedFile::lock(std::span<const std::byte> range) const {
  const HANDLE process = GetCurrentProcess();
  SIZE_T least = 0, most = 0;
  // A process may lock as much as its working set is guaranteed to hold, minus some pages.
  constexpr SIZE_T kSlack = 1U << 20;
  if (GetProcessWorkingSetSize(process, &least, &most)) {
    SetProcessWorkingSetSize(process, least + range.size() + kSlack, most + range.size() + kSlack);
  }
  if (VirtualLock(const_cast<std::byte*>(range.data()), range.size())) return {};
  return error_of(ErrorKind::out_of_memory, "{}: cannot lock {} bytes in memory: {}", path_.string(), range.size(),
                  windows::error_text(GetLastError()));
}

namespace {
LONG CALLBACK on_exception(EXCEPTION_POINTERS* info) {
  if (info->ExceptionRecord->ExceptionCode != static_cast<DWORD>(EXCEPTION_IN_PAGE_ERROR)) {
    return EXCEPTION_CONTINUE_SEARCH;
  }
  constexpr std::string_view kMessage = "quipu: a file failed, or its disk or share went away, while it was in use\n";
  DWORD ignored = 0;
  WriteFile(GetStdHandle(STD_ERROR_HANDLE), kMessage.data(), kMessage.size(), &ignored, nullptr);
  TerminateProcess(GetCurrentProcess(), 1);
  return EXCEPTION_CONTINUE_SEARCH;
}
}  // namespace

void install_truncation_handler() {
  // Windows lets nobody cut a mapped file short; what remains are disks and network shares that fail.
  AddVectoredExceptionHandler(1, on_exception);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, bool) {
  OutputFile file;
  file.path_ = path;
  file.temporary_ = path;
  file.temporary_ += "." + std::to_string(GetCurrentProcessId()) + ".part";
  const HANDLE handle = CreateFileW(file.temporary_.c_str(), GENERIC_WRITE, FILE_SHARE_READ, nullptr, CREATE_NEW,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) {
    const DWORD code = GetLastError();
    file.temporary_.clear();
    return file_error(path.native(), "cannot create", code);
  }
  file.fd_ = as_number(handle);
  return file;
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) CloseHandle(as_handle(fd_));
  if (!temporary_.empty()) DeleteFileW(temporary_.c_str());
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    DWORD n = 0;
    if (!WriteFile(as_handle(fd_), bytes.data(), static_cast<DWORD>(std::min(bytes.size(), kMaxWrite)), &n, nullptr)) {
      return file_error(path_.native(), "cannot write", GetLastError());
    }
    bytes = bytes.subspan(n);
    position_ += n;
  }
  return {};
}

Status OutputFile::skip_to(uint64_t offset) {
  QUIPU_CHECK(offset >= position_);
  constexpr uint64_t kWorthAHole = 1U << 16;
  DWORD ignored = 0;
  if (offset - position_ >= kWorthAHole) {
    DeviceIoControl(as_handle(fd_), FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0, &ignored, nullptr);
  }
  LARGE_INTEGER target{};
  target.QuadPart = static_cast<LONGLONG>(offset);
  if (!SetFilePointerEx(as_handle(fd_), target, nullptr, FILE_BEGIN) ||
      (offset > position_ && !SetEndOfFile(as_handle(fd_)))) {
    return file_error(path_.native(), "cannot extend", GetLastError());
  }
  position_ = offset;
  return {};
}

Status OutputFile::append_from(const MappedFile& source, uint64_t offset, uint64_t size) {
  QUIPU_CHECK(offset <= source.bytes().size() && size <= source.bytes().size() - offset);
  return write(source.bytes().subspan(static_cast<size_t>(offset), static_cast<size_t>(size)));
}

Status OutputFile::commit() {
  const HANDLE handle = as_handle(std::exchange(fd_, -1));
  const bool flushed = FlushFileBuffers(handle) != 0;
  const DWORD code = GetLastError();
  if (!CloseHandle(handle) || !flushed) return file_error(path_.native(), "cannot write", code);
  if (!MoveFileExW(temporary_.c_str(), path_.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
    return file_error(path_.native(), "cannot rename into place", GetLastError());
  }
  temporary_.clear();
  return {};
}

Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  const bool standard_input = path == "-";
  const HANDLE handle = standard_input ? GetStdHandle(STD_INPUT_HANDLE) : open_to_read(path);
  if (handle == INVALID_HANDLE_VALUE) return file_error(path.native(), "cannot open", GetLastError());
  std::string text, piece(65536, '\0');
  Status status;
  while (status.ok()) {
    const auto n = windows::read_some(handle, piece);
    if (!n) status = file_error(path.native(), "cannot read", GetLastError());
    if (!n || *n == 0) break;
    text.append(piece, 0, *n);
    if (text.size() > max_bytes) {
      status = error_of(ErrorKind::limit_exceeded, "{}: is larger than {} bytes", path.string(), max_bytes);
    }
  }
  if (!standard_input) CloseHandle(handle);
  if (!status.ok()) return status.error();
  return text;
}

std::vector<ByteRange> data_ranges(const std::filesystem::path& path, uint64_t size) {
  const std::vector<ByteRange> everything = size == 0 ? std::vector<ByteRange>{} : std::vector{ByteRange{0, size}};
  const HANDLE handle = open_to_read(path);
  if (handle == INVALID_HANDLE_VALUE) return everything;
  std::vector<ByteRange> ranges;
  FILE_ALLOCATED_RANGE_BUFFER query{}, found{};
  query.Length.QuadPart = static_cast<LONGLONG>(size);
  bool known = true;
  while (query.Length.QuadPart > 0) {
    DWORD bytes = 0;
    const bool last = DeviceIoControl(handle, FSCTL_QUERY_ALLOCATED_RANGES, &query, sizeof query, &found, sizeof found,
                                      &bytes, nullptr) != 0;
    known = last || GetLastError() == ERROR_MORE_DATA;
    if (!known || bytes == 0) break;
    const auto begin = static_cast<uint64_t>(found.FileOffset.QuadPart);
    const uint64_t end = std::min(size, begin + static_cast<uint64_t>(found.Length.QuadPart));
    ranges.push_back({begin, end - begin});
    query.FileOffset.QuadPart = static_cast<LONGLONG>(end);
    query.Length.QuadPart = static_cast<LONGLONG>(size - end);
    if (last) break;
  }
  CloseHandle(handle);
  return known ? ranges : everything;
}

}  // namespace quipu::platform
