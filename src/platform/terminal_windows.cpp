#include <windows.h>

#include <atomic>

#include "base/check.h"
#include "platform/console_windows.h"
#include "platform/terminal.h"
#include "platform/text_windows.h"

namespace quipu::platform {
namespace {

// What handlers need to put the console back.
DWORD found_input_mode = 0, found_output_mode = 0;
std::atomic<bool> terminal_taken{false};
std::atomic<int> interrupts{0};
std::atomic<int> interrupt_guards{0};
std::atomic<int> termination_guards{0};
std::atomic<int> termination_code{0};

constexpr int kSigterm = 128 + 15;
// Windows ends a process five seconds after its handler of CTRL_CLOSE_EVENT began.
constexpr DWORD kTimeToSave_ms = 4500;

void put_back() {
  constexpr std::string_view kLeave = "\x1b[?2004l\x1b[?25h\x1b[0m";  // paste mode off, cursor shown, colours reset
  windows::write_whole(windows::handle_of(Stream::standard_output), kLeave);
  SetConsoleMode(windows::handle_of(Stream::standard_input), found_input_mode);
  SetConsoleMode(windows::handle_of(Stream::standard_output), found_output_mode);
}

// Runs in a thread of its own.
BOOL WINAPI on_control(DWORD event) {
  if (event == CTRL_C_EVENT && interrupt_guards > 0) {
    interrupts.fetch_add(1);
    return TRUE;
  }
  const bool ends = event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT;
  if (ends && termination_guards > 0) {
    termination_code = kSigterm;
    Sleep(kTimeToSave_ms);  // the process ends when this returns; `main` returns before
    return TRUE;
  }
  if (terminal_taken) put_back();
  return FALSE;
}

LONG WINAPI on_crash(EXCEPTION_POINTERS*) {
  if (terminal_taken) put_back();
  return EXCEPTION_CONTINUE_SEARCH;
}

void install_handlers() {
  static const bool installed = [] {
    SetConsoleCtrlHandler(on_control, TRUE);
    SetUnhandledExceptionFilter(on_crash);
    return true;
  }();
  static_cast<void>(installed);
}

// The size of the visible window, not of the buffer behind it.
std::optional<TerminalSize> window_size() {
  CONSOLE_SCREEN_BUFFER_INFO info{};
  if (!GetConsoleScreenBufferInfo(windows::handle_of(Stream::standard_output), &info)) return std::nullopt;
  return TerminalSize{info.srWindow.Right - info.srWindow.Left + 1, info.srWindow.Bottom - info.srWindow.Top + 1};
}

}  // namespace

std::optional<int> terminal_columns() {
  const auto size = window_size();
  return size ? std::optional<int>(size->columns) : std::nullopt;
}

TerminalSize terminal_size() {
  return window_size().value_or(TerminalSize{});
}

std::unique_ptr<Terminal> Terminal::take() {
  QUIPU_CHECK(!terminal_taken.load());
  const HANDLE input = windows::handle_of(Stream::standard_input);
  const HANDLE output = windows::handle_of(Stream::standard_output);
  if (!GetConsoleMode(input, &found_input_mode) || !GetConsoleMode(output, &found_output_mode)) return nullptr;
  if (!windows::enable_escapes(output)) return nullptr;
  install_handlers();
  terminal_taken = true;
  return std::unique_ptr<Terminal>(new Terminal());
}

Terminal::~Terminal() {
  put_back();
  terminal_taken = false;
}

void Terminal::set(Mode mode) {
  const HANDLE input = windows::handle_of(Stream::standard_input);
  if (mode == Mode::found) {
    SetConsoleMode(input, found_input_mode);
    return;
  }
  DWORD modes = ENABLE_VIRTUAL_TERMINAL_INPUT | ENABLE_WINDOW_INPUT | ENABLE_EXTENDED_FLAGS;
  if (mode == Mode::quiet) modes |= ENABLE_PROCESSED_INPUT;
  SetConsoleMode(input, modes);
}

namespace {

// The text of the key events that are there; a surrogate pair comes as two events, so `half` keeps its first.
std::string typed(const INPUT_RECORD* records, DWORD n, wchar_t& half, bool& resized) {
  std::wstring units;
  for (DWORD i = 0; i < n; ++i) {
    if (records[i].EventType == WINDOW_BUFFER_SIZE_EVENT) resized = true;
    if (records[i].EventType != KEY_EVENT) continue;
    const KEY_EVENT_RECORD& key = records[i].Event.KeyEvent;
    const wchar_t unit = key.uChar.UnicodeChar;
    // Alt with digits on the number pad gives its character when Alt is released.
    const bool composed = !key.bKeyDown && key.wVirtualKeyCode == VK_MENU;
    if (unit == 0 || !(key.bKeyDown || composed)) continue;
    for (WORD repeat = 0; repeat < (key.bKeyDown ? key.wRepeatCount : 1); ++repeat) units += unit;
  }
  if (half != 0 && !units.empty()) units.insert(units.begin(), std::exchange(half, L'\0'));
  if (!units.empty() && units.back() >= 0xD800 && units.back() < 0xDC00) {
    half = units.back();
    units.pop_back();
  }
  return windows::narrow(units);
}

}  // namespace

Terminal::Input Terminal::read(int timeout_ms) {
  static wchar_t half = 0;
  const HANDLE input = windows::handle_of(Stream::standard_input);
  const ULONGLONG begin_ms = GetTickCount64();
  for (;;) {
    if (TerminationGuard::requested() != 0) return {Event::ended, ""};
    // Wakes now and then for a request to end, which comes in another thread.
    constexpr ULONGLONG kSlice_ms = 200;
    const ULONGLONG passed_ms = GetTickCount64() - begin_ms;
    if (timeout_ms >= 0 && passed_ms >= static_cast<ULONGLONG>(timeout_ms) && timeout_ms > 0) {
      return {Event::timeout, ""};
    }
    const ULONGLONG left_ms = timeout_ms < 0 ? kSlice_ms : static_cast<ULONGLONG>(timeout_ms) - passed_ms;
    const DWORD waited = WaitForSingleObject(input, static_cast<DWORD>(std::min(left_ms, kSlice_ms)));
    if (waited == WAIT_FAILED) return {Event::ended, ""};
    if (waited == WAIT_TIMEOUT) {
      if (timeout_ms == 0) return {Event::timeout, ""};
      continue;
    }
    INPUT_RECORD records[256];
    DWORD n = 0;
    if (!ReadConsoleInputW(input, records, std::size(records), &n)) return {Event::ended, ""};
    bool resized = false;
    std::string bytes = typed(records, n, half, resized);
    if (!bytes.empty()) return {Event::bytes, std::move(bytes)};
    if (resized) return {Event::resized, ""};
    if (timeout_ms == 0) return {Event::timeout, ""};
  }
}

void Terminal::suspend() {}  // Windows stops no processes

InterruptGuard::InterruptGuard() {
  install_handlers();
  interrupts = 0;
  ++interrupt_guards;
}

InterruptGuard::~InterruptGuard() {
  --interrupt_guards;
}

bool InterruptGuard::take() {
  int n = interrupts.load();
  while (n > 0 && !interrupts.compare_exchange_weak(n, n - 1)) {
  }
  return n > 0;
}

TerminationGuard::TerminationGuard() {
  install_handlers();
  termination_code = 0;
  ++termination_guards;
}

TerminationGuard::~TerminationGuard() {
  --termination_guards;
}

int TerminationGuard::requested() {
  return termination_code.load();
}

}  // namespace quipu::platform
