#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>

#include "base/check.h"
#include "platform/terminal.h"

namespace quipu::platform {
namespace {

// What signal handlers need to put the terminal back: set before a handler can run, changed with it off.
struct termios found_modes;
struct termios wanted_modes;
std::atomic<bool> terminal_taken{false};
std::atomic<bool> resized{false};
std::atomic<int> termination_signal{0};

// Signals that end the process; the terminal is put back first.
constexpr std::array kDeadly{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM, SIGHUP, SIGQUIT, SIGINT};
std::array<struct sigaction, kDeadly.size()> previous_deadly;
struct sigaction previous_winch, previous_tstp, previous_term, previous_hup;

// Keys that a program turned on stay on in the terminal if it dies: bracketed paste off, cursor shown, colours reset.
constexpr std::string_view kLeave = "\x1b[?2004l\x1b[?25h\x1b[0m";

// A handler needs a stack of its own where the thread's has overflowed.
std::array<std::byte, 65536> handler_stack;

void put_back() {
  tcsetattr(STDIN_FILENO, TCSADRAIN, &found_modes);
  const ssize_t ignored = ::write(STDOUT_FILENO, kLeave.data(), kLeave.size());
  static_cast<void>(ignored);
}

void on_deadly(int number, siginfo_t* info, void*) {
  if (terminal_taken.load()) put_back();
  for (size_t i = 0; i < kDeadly.size(); ++i) {
    if (kDeadly[i] == number) sigaction(number, &previous_deadly[i], nullptr);
  }
  // A fault comes again by itself, with the address that the previous handler wants to see; a sent signal does not.
  if (info->si_code <= 0) raise(number);
}

void on_termination(int number) {
  termination_signal = number;
}

void on_resize(int) {
  resized = true;
}

void on_stop(int) {
  const int saved = errno;
  put_back();
  struct sigaction as_default {};
  as_default.sa_handler = SIG_DFL;
  struct sigaction own {};
  sigaction(SIGTSTP, &as_default, &own);
  sigset_t unblock;
  sigemptyset(&unblock);
  sigaddset(&unblock, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &unblock, nullptr);  // stops here
  // Continued.
  sigaction(SIGTSTP, &own, nullptr);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted_modes);
  resized = true;
  errno = saved;
}

void install(int number, void (*handler)(int), struct sigaction* previous) {
  struct sigaction action {};
  action.sa_handler = handler;  // without SA_RESTART: poll and read return
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, previous);
}

}  // namespace

TerminalSize terminal_size() {
  struct winsize size {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

std::unique_ptr<Terminal> Terminal::take() {
  QUIPU_CHECK(!terminal_taken.load());
  if (!is_terminal(Stream::standard_input) || !is_terminal(Stream::standard_output)) return nullptr;
  if (tcgetattr(STDIN_FILENO, &found_modes) != 0) return nullptr;
  wanted_modes = found_modes;
  terminal_taken = true;
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  sigaltstack(&stack, nullptr);
  for (size_t i = 0; i < kDeadly.size(); ++i) {
    sigaction(kDeadly[i], nullptr, &previous_deadly[i]);
    // A TerminationGuard's signals end nothing; what the caller had ignored (nohup) stays ignored.
    const auto handler = previous_deadly[i].sa_handler;
    if (handler == on_termination || handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_sigaction = on_deadly;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(kDeadly[i], &action, nullptr);
  }
  install(SIGWINCH, on_resize, &previous_winch);
  install(SIGTSTP, on_stop, &previous_tstp);
  return std::unique_ptr<Terminal>(new Terminal());
}

Terminal::~Terminal() {
  put_back();
  terminal_taken = false;
  for (size_t i = 0; i < kDeadly.size(); ++i) {
    struct sigaction now {};
    sigaction(kDeadly[i], nullptr, &now);
    if (now.sa_sigaction == on_deadly) sigaction(kDeadly[i], &previous_deadly[i], nullptr);
  }
  sigaction(SIGWINCH, &previous_winch, nullptr);
  sigaction(SIGTSTP, &previous_tstp, nullptr);
}

void Terminal::set(Mode mode) {
  struct termios modes = found_modes;
  if (mode != Mode::found) {
    modes.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
  }
  if (mode == Mode::keys) {
    modes.c_iflag &= ~static_cast<tcflag_t>(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    modes.c_lflag &= ~static_cast<tcflag_t>(ISIG | IEXTEN);
  }
  wanted_modes = modes;
  // Not TCSAFLUSH: keys that were pressed during an answer are not lost.
  tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
}

Terminal::Input Terminal::read(int timeout_ms) {
  for (;;) {
    if (TerminationGuard::requested() != 0) return {Event::ended, ""};
    if (resized.exchange(false)) return {Event::resized, ""};
    struct pollfd wait {
      STDIN_FILENO, POLLIN, 0
    };
    const int ready = poll(&wait, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return {Event::ended, ""};
    if (ready == 0) return {Event::timeout, ""};
    std::array<char, 65536> buffer;
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {Event::ended, ""};
    return {Event::bytes, std::string(buffer.data(), static_cast<size_t>(n))};
  }
}

void Terminal::suspend() {
  raise(SIGTSTP);
}

TerminationGuard::TerminationGuard() {
  termination_signal = 0;
  install(SIGTERM, on_termination, &previous_term);
  install(SIGHUP, on_termination, &previous_hup);
}

TerminationGuard::~TerminationGuard() {
  sigaction(SIGTERM, &previous_term, nullptr);
  sigaction(SIGHUP, &previous_hup, nullptr);
}

int TerminationGuard::requested() {
  const int number = termination_signal.load();
  return number == 0 ? 0 : 128 + number;
}

}  // namespace quipu::platform
