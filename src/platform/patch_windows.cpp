#include <windows.h>

#include "base/check.h"
#include "platform/patch.h"
#include "platform/text_windows.h"

namespace quipu::platform {

Status overwrite_beginning(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  QUIPU_CHECK(bytes.size() <= 512);
  const HANDLE handle =
      CreateFileW(path.c_str(), GENERIC_WRITE, FILE_SHARE_READ, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return windows::file_error(path.native(), "cannot open", GetLastError());
  DWORD n = 0;
  const bool written = WriteFile(handle, bytes.data(), static_cast<DWORD>(bytes.size()), &n, nullptr) != 0 &&
                       n == bytes.size() && FlushFileBuffers(handle) != 0;
  const DWORD code = GetLastError();
  if (!CloseHandle(handle) || !written) return windows::file_error(path.native(), "cannot write", code);
  return {};
}

}  // namespace quipu::platform
