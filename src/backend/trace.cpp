#include "backend/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace quipu::backend {
namespace {

// A JSON string. Bytes that are no printable ASCII become '?': names are tensors' and files'.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out + '"';
}

double microseconds(TraceTime::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

TraceFile::TraceFile(platform::OutputFile out, uint64_t most_slices) : out_(std::move(out)), n_left_(most_slices) {}

Result<std::shared_ptr<TraceFile>> TraceFile::create(const std::filesystem::path& path, uint64_t most_slices) {
  QUIPU_TRY(auto out, platform::OutputFile::create(path, false));
  std::shared_ptr<TraceFile> file(new TraceFile(std::move(out), most_slices));
  file->write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
  return file;
}

void TraceFile::write(std::string_view text) {
  if (status_.ok()) status_ = out_.write(std::as_bytes(std::span(text)));
}

uint32_t TraceFile::add_process(std::string_view name, int n_threads) {
  const std::lock_guard lock(mutex_);
  const uint32_t process = ++n_processes_;
  std::string text;
  const auto add_name = [&](std::string_view kind, int thread, std::string_view value) {
    fmt::format_to(std::back_inserter(text),
                   "{}{{\"name\":\"{}\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}}",
                   first_ ? "" : ",\n", kind, process, thread, json_string(value));
    first_ = false;
  };
  add_name("process_name", 0, name);
  for (int thread = 0; thread < n_threads; ++thread) {
    add_name("thread_name", thread, thread == 0 ? "operations, thread 0" : fmt::format("thread {}", thread));
  }
  write(text);
  return process;
}

void TraceFile::add(const TraceTrack& track, int thread, std::span<const TraceSlice> slices) {
  const std::lock_guard lock(mutex_);
  const size_t n = std::min<uint64_t>(slices.size(), n_left_);
  n_left_ -= n;
  n_left_out_ += slices.size() - n;
  std::string text;
  for (const TraceSlice& slice : slices.first(n)) {
    auto out = std::back_inserter(text);
    fmt::format_to(
        out,
        ",\n{{\"name\":{},\"cat\":\"{}\",\"ph\":\"X\",\"ts\":{:.3f},\"dur\":{:.3f},\"pid\":{},\"tid\":{},\"args\":{{",
        json_string(track.names[slice.name]), slice.part ? "part" : "whole", microseconds(slice.begin - start_),
        microseconds(slice.end - slice.begin), track.process, thread);
    if (slice.layer >= 0) fmt::format_to(out, "\"layer\":{},", slice.layer);
    fmt::format_to(out, "\"rows\":{},\"bytes\":{}}}}}", slice.rows, slice.bytes);
  }
  write(text);
}

Result<uint64_t> TraceFile::finish() {
  const std::lock_guard lock(mutex_);
  write(fmt::format("\n],\"otherData\":{{\"slices_left_out\":{}}}}}\n", n_left_out_));
  QUIPU_CHECK_OK(status_);
  QUIPU_CHECK_OK(out_.commit());
  return n_left_out_;
}

}  // namespace quipu::backend
