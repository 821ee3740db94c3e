#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "platform/terminal.h"

namespace quipu::platform {
namespace {

int descriptor_of(Stream stream) {
  if (stream == Stream::standard_input) return STDIN_FILENO;
  return stream == Stream::standard_output ? STDOUT_FILENO : STDERR_FILENO;
}

}  // namespace

Written write_stream(Stream stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_of(stream), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EPIPE ? Written::reader_gone : Written::failed;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Written::all;
}

void ignore_file_size_signal() {
  signal(SIGXFSZ, SIG_IGN);
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

bool show_in_pager(const std::string& text) {
  const std::string command = environment("PAGER").value_or("less 2>/dev/null || more");
  if (command.empty() || command == "cat") return false;
  // F: a text that fits on the screen is printed as by cat; R: colours pass; X: the screen is not cleared after it.
  FILE* pager = popen(("LESS=\"${LESS-FRX}\"; export LESS; " + command).c_str(), "w");
  if (pager == nullptr) return false;
  const size_t n = fwrite(text.data(), 1, text.size(), pager);
  const int status = pclose(pager);
  // The shell could not find it (126, 127): nothing was shown. A reader who leaves early has seen what he wanted.
  const bool missing = WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127);
  return n > 0 && !missing;
}

}  // namespace quipu::platform
