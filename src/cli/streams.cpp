#include "cli/streams.h"

#include <fmt/format.h>

#include <chrono>

#include "platform/terminal.h"

namespace quipu::cli {
namespace {

constexpr size_t kPieceBytes = 64U << 10;  // the size of a pipe's buffer
constexpr int64_t kShowEvery_ms = 100;
// What takes less time than this needs no progress.
constexpr int64_t kShowAfter_ms = 500;

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

void print_line(std::string_view kind, std::string_view message) {
  platform::write_stream(platform::Stream::standard_error, fmt::format("quipu: {}{}\n", kind, printable(message)));
}

}  // namespace

bool Output::write(std::string_view text) {
  pending_ += text;
  return pending_.size() < kPieceBytes ? !reader_gone_ && !failed_ : flush();
}

bool Output::flush() {
  if (!reader_gone_ && !failed_ && !pending_.empty()) {
    const auto written = platform::write_stream(platform::Stream::standard_output, pending_);
    reader_gone_ = written == platform::Written::reader_gone;
    failed_ = written == platform::Written::failed;
  }
  pending_.clear();
  return !reader_gone_ && !failed_;
}

Result<int> Output::finish(int code) {
  flush();
  if (failed_) return error_of(ErrorKind::io, "cannot write to standard output (is the disk full?)");
  return reader_gone_ ? kExitReaderGone : code;
}

Log stderr_log(const Options& options) {
  const LogLevel least = options.log_disable ? LogLevel::error : options.verbose ? LogLevel::debug : LogLevel::warning;
  return [least](LogLevel level, std::string_view line) {
    if (level >= least) print_line(level == LogLevel::warning ? "warning: " : "", line);
  };
}

void print_error(std::string_view message) {
  print_line("", message);
}

void print_warning(std::string_view message) {
  print_line("warning: ", message);
}

void print_note(std::string_view message) {
  print_line("", message);
}

ProgressLine::ProgressLine(std::string label)
    : label_(std::move(label)),
      visible_(platform::is_terminal(platform::Stream::standard_error)),
      next_ms_(now_ms() + kShowAfter_ms) {}

ProgressLine::~ProgressLine() {
  if (shown_) platform::write_stream(platform::Stream::standard_error, "\r\x1b[K");
}

void ProgressLine::show(uint64_t done, uint64_t total) {
  const int64_t now = now_ms();
  if (!visible_ || now < next_ms_ || total == 0) return;
  next_ms_ = now + kShowEvery_ms;
  shown_ = true;
  const double percent = 100.0 * static_cast<double>(done) / static_cast<double>(total);
  platform::write_stream(platform::Stream::standard_error, fmt::format("\r{} {:.0f} %\x1b[K", label_, percent));
}

}  // namespace quipu::cli
