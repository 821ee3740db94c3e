#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "platform/terminal.h"

namespace quipu::platform {
namespace {

Error file_error(const std::filesystem::path& path, std::string_view what) {
  return error_of(ErrorKind::io, "{}: {}: {}", path.string(), what, strerror(errno));
}

Status write_whole(int fd, const std::filesystem::path& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(path, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status write_and_close(int fd, const std::filesystem::path& path, std::string_view bytes) {
  Status status = write_whole(fd, path, bytes);
  if (close(fd) != 0 && status.ok()) status = file_error(path, "cannot write");
  return status;
}

}  // namespace

std::optional<std::filesystem::path> user_data_folder() {
  const auto data_home = environment("XDG_DATA_HOME");
  if (data_home && data_home->starts_with('/')) return std::filesystem::path(*data_home) / "quipu";
  std::string home = environment("HOME").value_or("");
  if (home.empty()) {
    const struct passwd* user = getpwuid(getuid());
    if (user == nullptr || user->pw_dir == nullptr) return std::nullopt;
    home = user->pw_dir;
  }
  if (!home.starts_with('/')) return std::nullopt;
  return std::filesystem::path(home) / ".local" / "share" / "quipu";
}

Status make_private_folder(const std::filesystem::path& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) return {};
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path().parent_path(), code);
    if (::mkdir(path.parent_path().c_str(), 0700) != 0 && errno != EEXIST)
      return file_error(path, "cannot make the folder");
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return file_error(path, "cannot make the folder");
  return {};
}

Status append_private_file(const std::filesystem::path& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return file_error(path, "cannot open");
  return write_and_close(fd, path, bytes);
}

Status write_private_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary = path.string() + "." + std::to_string(getpid()) + ".part";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return file_error(path, "cannot create");
  Status status = write_and_close(fd, path, bytes);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0)
    status = file_error(path, "cannot rename into place");
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

Result<std::string> edit_text(const std::string& text) {
  std::string name = (std::filesystem::temp_directory_path() / "quipu-XXXXXX.md").string();
  const int fd = mkstemps(name.data(), 3);
  if (fd < 0) return file_error(name, "cannot create");
  Result<std::string> edited = text;
  if (const Status status = write_and_close(fd, name, text); !status.ok()) edited = status.error();
  if (edited.ok()) {
    const std::string editor = environment("VISUAL").value_or(environment("EDITOR").value_or("vi"));
    const int status = std::system((editor + " '" + name + "'").c_str());
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      edited = error_of(ErrorKind::io, "the editor '{}' failed", editor);
    } else {
      edited = read_file(name, 64U << 20);
    }
  }
  unlink(name.c_str());
  return edited;
}

}  // namespace quipu::platform
