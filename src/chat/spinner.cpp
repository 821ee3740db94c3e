#include "chat/spinner.h"

#include <array>
#include <chrono>
#include <string_view>

namespace quipu::chat {
namespace {

using std::chrono::milliseconds;

// What takes less time needs no sign.
constexpr milliseconds kFirst{300}, kFrame{100};
constexpr std::array<std::string_view, 10> kFrames{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::array<std::string_view, 4> kAsciiFrames{"|", "/", "-", "\\"};

}  // namespace

void Spinner::say(std::string text) {
  if (!screen_.options().terminal) return;
  {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { turn(); });
}

void Spinner::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  stopping_ = false;
  screen_.clear_progress();
}

void Spinner::turn() {
  std::unique_lock lock(mutex_);
  milliseconds patience = kFirst;
  for (size_t i = 0;; ++i) {
    if (wake_.wait_for(lock, patience, [&] { return stopping_; })) return;
    patience = kFrame;
    const std::string_view frame =
        screen_.options().ascii ? kAsciiFrames[i % kAsciiFrames.size()] : kFrames[i % kFrames.size()];
    screen_.progress(std::string(frame) + " " + text_);
  }
}

}  // namespace quipu::chat
