#include <windows.h>

#include <cstdlib>

#include "platform/terminal.h"
#include "platform/text_windows.h"

namespace quipu::platform {
namespace {

using windows::file_error;

Status write_and_close(HANDLE handle, const std::filesystem::path& path, std::string_view bytes) {
  DWORD n = 0;
  const bool written = WriteFile(handle, bytes.data(), static_cast<DWORD>(bytes.size()), &n, nullptr) != 0;
  const DWORD code = GetLastError();
  if (!CloseHandle(handle) || !written || n != bytes.size()) return file_error(path.native(), "cannot write", code);
  return {};
}

}  // namespace

std::optional<std::filesystem::path> user_data_folder() {
  const auto local = environment("LOCALAPPDATA");
  if (!local || local->empty()) return std::nullopt;
  return std::filesystem::path(windows::wide(*local)) / "quipu";
}

Status make_private_folder(const std::filesystem::path& path) {
  // What is below a user's profile inherits its access list: the user, the system and administrators.
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code && !std::filesystem::is_directory(path)) {
    return error_of(ErrorKind::io, "{}: cannot make the folder: {}", path.string(), code.message());
  }
  return {};
}

Status append_private_file(const std::filesystem::path& path, std::string_view bytes) {
  const HANDLE handle = CreateFileW(path.c_str(), FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                                    OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return file_error(path.native(), "cannot open", GetLastError());
  return write_and_close(handle, path, bytes);
}

Status write_private_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::path temporary = path;
  temporary += "." + std::to_string(GetCurrentProcessId()) + ".part";
  const HANDLE handle =
      CreateFileW(temporary.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return file_error(path.native(), "cannot create", GetLastError());
  Status status = write_and_close(handle, path, bytes);
  if (status.ok() && !MoveFileExW(temporary.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING)) {
    status = file_error(path.native(), "cannot rename into place", GetLastError());
  }
  if (!status.ok()) DeleteFileW(temporary.c_str());
  return status;
}

Result<std::string> edit_text(const std::string& text) {
  std::error_code code;
  const auto folder = std::filesystem::temp_directory_path(code);
  if (code) return error_of(ErrorKind::io, "no folder for temporary files: {}", code.message());
  const auto name = folder / ("quipu-" + std::to_string(GetCurrentProcessId()) + ".md");
  QUIPU_CHECK_OK(write_private_file(name, text));
  Result<std::string> edited = text;
  const std::string editor = environment("VISUAL").value_or(environment("EDITOR").value_or("notepad"));
  if (_wsystem((windows::wide(editor) + L" \"" + name.native() + L"\"").c_str()) != 0) {
    edited = error_of(ErrorKind::io, "the editor '{}' failed", editor);
  } else {
    edited = read_file(name, 64U << 20);
  }
  DeleteFileW(name.c_str());
  return edited;
}

}  // namespace quipu::platform
