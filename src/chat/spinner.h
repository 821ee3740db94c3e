// A sign of life while nothing else moves on the screen.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "chat/screen.h"

namespace quipu::chat {

// Draws a turning sign and a text into the screen's progress line, from a thread of its own, once it was told a text
// and waited for 300 ms. Between say() and stop() nobody else may use the screen, except to ask whether it is alive.
class Spinner {
 public:
  // The screen must outlive it.
  explicit Spinner(Screen& screen) : screen_(screen) {}
  ~Spinner() { stop(); }
  Spinner(const Spinner&) = delete;
  Spinner& operator=(const Spinner&) = delete;

  // Begins to turn, or changes the text.
  void say(std::string text);
  // Clears the line. Costs nothing when it does not turn.
  void stop();

 private:
  void turn();

  Screen& screen_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string text_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace quipu::chat
