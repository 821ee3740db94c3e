// Inside platform: UTF-8, which the program speaks, and UTF-16, which Windows does.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu::platform::windows {

// What cannot be converted becomes U+FFFD.
std::wstring wide(std::string_view utf8);
std::string narrow(std::wstring_view utf16);

// The text of GetLastError's code, without the line end.
std::string error_text(unsigned long code);
// "PATH: WHAT: TEXT", not_found where the path does not exist.
Error file_error(const std::wstring& path, std::string_view what, unsigned long code);

}  // namespace quipu::platform::windows
