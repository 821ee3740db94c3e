// Standard input and output of the command line, and its messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "cli/options.h"

namespace quipu::cli {

constexpr int kExitError = 1, kExitUsage = 2, kExitInterrupted = 130, kExitReaderGone = 141;

// The largest text that is read whole: far beyond any context.
constexpr uint64_t kMaxTextBytes = 1U << 30;

// Collects text and hands it to standard output in large pieces.
class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // False once the reader went away or writing failed: stop then.
  bool write(std::string_view text);
  bool flush();
  // The exit code after all was written: `code`, or that of a reader who went away. Error: a full disk.
  Result<int> finish(int code = 0);

 private:
  std::string pending_;
  bool reader_gone_ = false, failed_ = false;
};

// Where remarks go: standard error, except what --log-disable or the lack of --verbose silences.
Log stderr_log(const Options& options);
// "quipu: MESSAGE" on standard error. Control characters, which may come from a hostile file, are shown as \xNN.
void print_error(std::string_view message);
void print_warning(std::string_view message);
void print_note(std::string_view message);

// Shows how far a long piece of work is on the terminal, if standard error is one; at most ten times a second.
class ProgressLine {
 public:
  explicit ProgressLine(std::string label);
  ~ProgressLine();  // clears the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(uint64_t done, uint64_t total);

 private:
  std::string label_;
  bool visible_ = false, shown_ = false;
  int64_t next_ms_ = 0;
};

}  // namespace quipu::cli
