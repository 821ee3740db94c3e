// The terminal and the streams, beyond platform.h: what differs between systems when somebody sits before the screen.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/platform.h"

namespace quipu::platform {

enum class Written : uint8_t {
  all,
  reader_gone,  // the other end of the pipe was closed
  failed,       // a full disk, a lost terminal
};
// Writes all bytes.
Written write_stream(Stream stream, std::string_view bytes);

// Writing beyond a limit on file sizes is an error code, not a signal that ends the process. For `main` alone.
void ignore_file_size_signal();

// The value of an environment variable, or nothing.
std::optional<std::string> environment(const std::string& name);

// Shows a text in the user's pager ($PAGER, else less or more) and waits until it is left. False if there is none or
// it failed to start: the caller prints the text itself then. Only for a terminal.
bool show_in_pager(const std::string& text);

// ---- keys -------------------------------------------------------------------------------------------------------

struct TerminalSize {
  int columns = 80, rows = 24;
};
// Of the terminal behind standard output; 80 x 24 where there is none or it does not say.
TerminalSize terminal_size();

// Takes over the terminal behind standard input while it lives. The modes that were found are put back by the
// destructor, when the process is stopped (Ctrl-Z) or ends by a signal, and after a crash. One at a time.
class Terminal {
 public:
  enum class Mode : uint8_t {
    found,  // as it was before
    keys,   // every key comes at once as bytes, Ctrl-C and Ctrl-Z too; no echo
    quiet,  // no echo; keys are kept for later; Ctrl-C and Ctrl-Z are signals
  };
  // Null if standard input or standard output is no terminal.
  static std::unique_ptr<Terminal> take();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void set(Mode mode);

  enum class Event : uint8_t { bytes, timeout, resized, ended };
  struct Input {
    Event event;  // ended: end of input, the terminal was closed, or the process was asked to end
    std::string bytes;
  };
  // Waits for keys, at most `timeout_ms` (below 0: as long as it takes).
  Input read(int timeout_ms);
  // Stops the process as Ctrl-Z does, with the found modes; returns when it is continued.
  void suspend();

 private:
  Terminal() = default;
};

// While this lives, SIGTERM and SIGHUP do not end the process but set a flag, so that what is not saved yet can be. One
// at a time.
class TerminationGuard {
 public:
  TerminationGuard();
  ~TerminationGuard();
  TerminationGuard(const TerminationGuard&) = delete;
  TerminationGuard& operator=(const TerminationGuard&) = delete;
  // The exit code that tells of the signal (128 + its number), or 0 while none came.
  static int requested();
};

// Where the user's data of this program lies: $XDG_DATA_HOME/quipu, ~/.local/share/quipu or the system's own way.
// Nothing if there is no home. The folder is not made.
std::optional<std::filesystem::path> user_data_folder();
// Makes a folder and those above it that only the user can enter (0700).
Status make_private_folder(const std::filesystem::path& path);
// Appends to a file that only the user can read (0600), which is made if it is missing. In one write: two processes
// that append do not mix their lines.
Status append_private_file(const std::filesystem::path& path, std::string_view bytes);
// Replaces a private file whole or not at all.
Status write_private_file(const std::filesystem::path& path, std::string_view bytes);

// Runs $VISUAL or $EDITOR (else vi) on the text, with the terminal as it was found, and returns what was saved. Errors:
// io, if it can't be started or fails.
Result<std::string> edit_text(const std::string& text);

}  // namespace quipu::platform
