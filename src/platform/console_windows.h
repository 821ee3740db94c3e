// Inside platform: reading from and writing to consoles, which take UTF-16, and everything else, which takes bytes.
#pragma once

#include <windows.h>

#include <optional>
#include <string>
#include <string_view>

#include "platform/platform.h"

namespace quipu::platform::windows {

HANDLE handle_of(Stream stream);
bool is_console(HANDLE handle);
// Turns on the escape sequences of a console that is written to. False if it has none (before Windows 10 1607).
bool enable_escapes(HANDLE handle);

// Reads at most buffer.size() bytes (UTF-8 from a console, where Ctrl-Z at a line's beginning is the end). 0 at the
// end; nothing on an error, which GetLastError tells.
std::optional<size_t> read_some(HANDLE handle, std::string& buffer);
// Writes all bytes. Otherwise GetLastError's code.
unsigned long write_whole(HANDLE handle, std::string_view bytes);

}  // namespace quipu::platform::windows
