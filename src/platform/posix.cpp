// What Linux, macOS and the BSDs share.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "platform/console.h"
#include "platform/copy_range.h"
#include "platform/line_of_input.h"
#include "platform/platform.h"
#include "platform/start.h"

namespace quipu::platform {
namespace {

Error system_error(const std::filesystem::path& path, std::string_view what, int code) {
  const ErrorKind kind = code == ENOENT || code == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
  return error_of(kind, "{}: {}: {}", path.string(), what, strerror(code));
}

// Ranges that the truncation handler knows; read inside a signal handler, so a fixed array of atomics.
struct MappedRange {
  std::atomic<const std::byte*> begin{nullptr};
  std::atomic<size_t> size{0};
  std::array<char, 256> name{};  // written before `begin` is published
  dev_t device{};                // which file it is, whatever stands under its name later
  ino_t inode{};
};
constexpr size_t kMaxMappedRanges = 256;  // a split model of 405B has 200 parts at most; more are just not named
std::array<MappedRange, kMaxMappedRanges> mapped_ranges;
std::mutex mapped_ranges_mutex;

void remember_range(const std::byte* data, const struct stat& info, const std::string& name) {
  const std::lock_guard lock(mapped_ranges_mutex);
  for (auto& range : mapped_ranges) {
    if (range.begin.load() != nullptr) continue;
    range.name.fill('\0');
    name.copy(range.name.data(), range.name.size() - 1);
    range.device = info.st_dev;
    range.inode = info.st_ino;
    range.size = static_cast<size_t>(info.st_size);
    range.begin = data;
    return;
  }
}

void forget_range(const std::byte* data) {
  const std::lock_guard lock(mapped_ranges_mutex);
  for (auto& range : mapped_ranges)
    if (range.begin.load() == data) range.begin = nullptr;
}

// Whether an open file is the one that is mapped at `data`.
bool is_mapped_at(int fd, const std::byte* data) {
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) return false;
  const std::lock_guard lock(mapped_ranges_mutex);
  return std::any_of(mapped_ranges.begin(), mapped_ranges.end(), [&](const MappedRange& range) {
    return range.begin.load() == data && range.device == info.st_dev && range.inode == info.st_ino;
  });
}

void write_literal(const char* text) {
  const ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
  static_cast<void>(ignored);
}

void on_bus_error(int, siginfo_t* info, void*) {
  const auto* address = static_cast<const std::byte*>(info->si_addr);
  for (const auto& range : mapped_ranges) {
    const std::byte* begin = range.begin.load();
    if (begin == nullptr || address < begin || address >= begin + range.size.load()) continue;
    write_literal("quipu: ");
    write_literal(range.name.data());
    write_literal(": the file was cut short, or its disk failed, while it was in use\n");
    _exit(1);
  }
  signal(SIGBUS, SIG_DFL);
  raise(SIGBUS);
}

std::atomic<int> interrupts{0};
struct sigaction previous_interrupt_action;

void on_interrupt(int) {
  interrupts.fetch_add(1);
}

int descriptor_of(Stream stream) {
  switch (stream) {
    case Stream::standard_input:
      return STDIN_FILENO;
    case Stream::standard_output:
      return STDOUT_FILENO;
    case Stream::standard_error:
      return STDERR_FILENO;
  }
  return STDERR_FILENO;
}

Status write_all_to(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), 1u << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "cannot write", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path, "cannot open", errno);
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return error_of(ErrorKind::io, "{}: is not a regular file", path.string());
  }
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->size_ = static_cast<size_t>(info.st_size);
  if (file->size_ > 0) {
    void* data = mmap(nullptr, file->size_, PROT_READ, MAP_SHARED, fd, 0);
    const int code = errno;
    if (data == MAP_FAILED) {
      close(fd);
      return system_error(path, "cannot map", code);
    }
    file->data_ = static_cast<const std::byte*>(data);
    remember_range(file->data_, info, path.string());
  }
  close(fd);
  return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  forget_range(data_);
  munmap(const_cast<std::byte*>(data_), size_);
}

namespace {
std::pair<void*, size_t> whole_pages(std::span<const std::byte> range) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(range.data()) & ~(page - 1);
  const auto end = reinterpret_cast<uintptr_t>(range.data()) + range.size();
  return {reinterpret_cast<void*>(begin), end - begin};  // NOLINT(performance-no-int-to-ptr)
}
}  // namespace

void MappedFile::will_need(std::span<const std::byte> range) const {
  const auto [begin, size] = whole_pages(range);
  posix_madvise(begin, size, POSIX_MADV_WILLNEED);
}

Status MappedFile::lock(std::span<const std::byte> range) const {
  const auto [begin, size] = whole_pages(range);
  if (mlock(begin, size) == 0) return {};
  const int code = errno;
  struct rlimit limit {};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return error_of(ErrorKind::out_of_memory,
                  "{}: cannot lock {} bytes in memory: {} (the limit is {} bytes, see ulimit -l)", path_.string(), size,
                  strerror(code), static_cast<uint64_t>(limit.rlim_cur));
}

void install_truncation_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, bool executable) {
  OutputFile file;
  file.path_ = path;
  file.temporary_ = path;
  file.temporary_ += "." + std::to_string(getpid()) + ".part";
  file.fd_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, executable ? 0777 : 0666);
  if (file.fd_ < 0) {
    const int code = errno;
    file.temporary_.clear();
    return system_error(path, "cannot create", code);
  }
  return file;
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  QUIPU_CHECK_OK(write_all_to(fd_, bytes, path_));
  position_ += bytes.size();
  return {};
}

Status OutputFile::append_from(const MappedFile& source, uint64_t offset, uint64_t size) {
  QUIPU_CHECK(offset <= source.bytes().size() && size <= source.bytes().size() - offset);
  const int fd = ::open(source.path().c_str(), O_RDONLY | O_CLOEXEC);
  // Another file may have been put under the name since.
  const bool same = is_mapped_at(fd, source.bytes().data());
  while (same && size > 0) {
    const uint64_t n = copy_range(fd, offset, fd_, size);
    if (n == 0) break;
    offset += n;
    size -= n;
    position_ += n;
  }
  if (fd >= 0) close(fd);
  // The copy through the mapping is as fast as a read for cached files.
  return write(source.bytes().subspan(static_cast<size_t>(offset), static_cast<size_t>(size)));
}

Status OutputFile::skip_to(uint64_t offset) {
  QUIPU_CHECK(offset >= position_);
  if (lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) return system_error(path_, "cannot seek", errno);
  if (offset > position_ && ftruncate(fd_, static_cast<off_t>(offset)) != 0)
    return system_error(path_, "cannot extend", errno);
  position_ = offset;
  return {};
}

Status OutputFile::commit() {
  if (fsync(fd_) != 0) return system_error(path_, "cannot write", errno);
  if (close(std::exchange(fd_, -1)) != 0) return system_error(path_, "cannot write", errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(path_, "cannot rename into place", errno);
  temporary_.clear();
  return {};
}

Result<std::string> read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path, "cannot open", errno);
  std::string text;
  Status status;
  std::array<char, 65536> buffer{};
  while (status.ok()) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) status = system_error(path, "cannot read", errno);
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(n));
    if (text.size() > max_bytes)
      status = error_of(ErrorKind::limit_exceeded, "{}: is larger than {} bytes", path.string(), max_bytes);
  }
  if (!standard_input) close(fd);
  if (!status.ok()) return status.error();
  return text;
}

bool is_terminal(Stream stream) {
  return isatty(descriptor_of(stream)) == 1;
}

std::optional<int> terminal_columns() {
  struct winsize size {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
  return size.ws_col;
}

bool understands_escapes() {
  const char* term = getenv("TERM");
  return is_terminal(Stream::standard_output) && term != nullptr && strcmp(term, "dumb") != 0 && *term != '\0';
}

std::optional<std::string> read_line() {
  return line_of_input();
}

std::vector<std::string> arguments_of_main(int argc, char** argv) {
  return {argv, argv + argc};
}

Result<std::filesystem::path> self_path() {
  static const Result<std::filesystem::path> path = []() -> Result<std::filesystem::path> {
    constexpr const char* kGivenByHead = "QUIPU_SELF";
    const char* given = getenv(kGivenByHead);
    if (given == nullptr || *given == '\0') return program_path();
    std::filesystem::path self = given;
    unsetenv(kGivenByHead);
    return self;
  }();
  return path;
}

bool write_all(Stream stream, std::string_view bytes) {
  return write_all_to(descriptor_of(stream), std::as_bytes(std::span(bytes)), "output").ok();
}

InterruptGuard::InterruptGuard() {
  interrupts = 0;
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a blocked read returns
  sigaction(SIGINT, &action, &previous_interrupt_action);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previous_interrupt_action, nullptr);
}

bool InterruptGuard::take() {
  int n = interrupts.load();
  while (n > 0 && !interrupts.compare_exchange_weak(n, n - 1)) {
  }
  return n > 0;
}

void ignore_broken_pipes() {
  signal(SIGPIPE, SIG_IGN);
}

std::string local_time(const std::string& format) {
  const time_t now = time(nullptr);
  struct tm parts {};
  localtime_r(&now, &parts);
  std::array<char, 1024> text{};
  const size_t n = strftime(text.data(), text.size(), format.c_str(), &parts);
  return {text.data(), n};
}

}  // namespace quipu::platform
