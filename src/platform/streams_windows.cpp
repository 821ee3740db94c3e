#include <windows.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "platform/console.h"
#include "platform/console_windows.h"
#include "platform/line_of_input.h"
#include "platform/terminal.h"
#include "platform/text_windows.h"

namespace quipu::platform {
namespace windows {

HANDLE handle_of(Stream stream) {
  if (stream == Stream::standard_input) return GetStdHandle(STD_INPUT_HANDLE);
  return GetStdHandle(stream == Stream::standard_output ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
}

bool is_console(HANDLE handle) {
  DWORD mode = 0;
  return GetConsoleMode(handle, &mode) != 0;
}

bool enable_escapes(HANDLE handle) {
  DWORD mode = 0;
  if (!GetConsoleMode(handle, &mode)) return false;
  return SetConsoleMode(handle, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
}

std::optional<size_t> read_some(HANDLE handle, std::string& buffer) {
  DWORD n = 0;
  if (!is_console(handle)) {
    if (ReadFile(handle, buffer.data(), static_cast<DWORD>(buffer.size()), &n, nullptr)) return n;
    // The writer of a pipe went away: that is its end.
    if (GetLastError() == ERROR_BROKEN_PIPE) return 0;
    return std::nullopt;
  }
  constexpr wchar_t kCtrlZ = 0x1A;
  constexpr size_t kMaxUtf8PerUnit = 3;
  std::wstring units(std::max<size_t>(1, buffer.size() / kMaxUtf8PerUnit), L'\0');
  if (!ReadConsoleW(handle, units.data(), static_cast<DWORD>(units.size()), &n, nullptr)) return std::nullopt;
  units.resize(n);
  if (units.empty() || units[0] == kCtrlZ) return 0;
  std::string text;
  for (const char c : narrow(units)) {
    if (c != '\r') text += c;
  }
  std::copy(text.begin(), text.end(), buffer.begin());
  return text.size();
}

unsigned long write_whole(HANDLE handle, std::string_view bytes) {
  if (is_console(handle)) {
    // Windows' own limit on one call was some 32 KiB in places.
    constexpr size_t kMaxUnits = 8192;
    const std::wstring units = wide(bytes);
    for (std::wstring_view rest = units; !rest.empty();) {
      DWORD n = 0;
      if (!WriteConsoleW(handle, rest.data(), static_cast<DWORD>(std::min(rest.size(), kMaxUnits)), &n, nullptr)) {
        return GetLastError();
      }
      rest.remove_prefix(n);
    }
    return ERROR_SUCCESS;
  }
  while (!bytes.empty()) {
    constexpr size_t kMaxBytes = 1U << 30;
    DWORD n = 0;
    if (!WriteFile(handle, bytes.data(), static_cast<DWORD>(std::min(bytes.size(), kMaxBytes)), &n, nullptr)) {
      return GetLastError();
    }
    bytes.remove_prefix(n);
  }
  return ERROR_SUCCESS;
}

}  // namespace windows

Written write_stream(Stream stream, std::string_view bytes) {
  const unsigned long code = windows::write_whole(windows::handle_of(stream), bytes);
  if (code == ERROR_SUCCESS) return Written::all;
  return code == ERROR_BROKEN_PIPE || code == ERROR_NO_DATA ? Written::reader_gone : Written::failed;
}

bool write_all(Stream stream, std::string_view bytes) {
  return write_stream(stream, bytes) == Written::all;
}

bool is_terminal(Stream stream) {
  return windows::is_console(windows::handle_of(stream));
}

bool understands_escapes() {
  return windows::enable_escapes(windows::handle_of(Stream::standard_output));
}

std::optional<std::string> read_line() {
  static std::string rest;  // of a console's line that was longer than asked for
  const HANDLE input = windows::handle_of(Stream::standard_input);
  if (!windows::is_console(input)) {
    auto line = line_of_input();
    if (line && line->ends_with('\r')) line->pop_back();
    return line;
  }
  for (;;) {
    const size_t end = rest.find('\n');
    if (end != rest.npos) {
      std::string line = rest.substr(0, end);
      rest.erase(0, end + 1);
      return line;
    }
    std::string piece(4096, '\0');
    const auto n = windows::read_some(input, piece);
    if (!n || *n == 0) return std::nullopt;
    rest.append(piece, 0, *n);
  }
}

void ignore_file_size_signal() {}

void ignore_broken_pipes() {}

std::optional<std::string> environment(const std::string& name) {
  const std::wstring wide_name = windows::wide(name);
  SetLastError(ERROR_SUCCESS);
  const DWORD size = GetEnvironmentVariableW(wide_name.c_str(), nullptr, 0);
  if (size == 0) return GetLastError() == ERROR_ENVVAR_NOT_FOUND ? std::nullopt : std::optional<std::string>("");
  std::wstring value(size, L'\0');
  value.resize(GetEnvironmentVariableW(wide_name.c_str(), value.data(), size));
  return windows::narrow(value);
}

bool show_in_pager(const std::string& text) {
  // There is no pager that can be relied on (`more` takes no UTF-8), and consoles scroll back.
  const std::string command = environment("PAGER").value_or("");
  if (command.empty() || command == "cat") return false;
  FILE* pager = _wpopen(windows::wide(command).c_str(), L"wb");
  if (pager == nullptr) return false;
  const size_t n = fwrite(text.data(), 1, text.size(), pager);
  constexpr int kNotFound = 1;  // of cmd.exe
  return _pclose(pager) != kNotFound && n > 0;
}

}  // namespace quipu::platform
