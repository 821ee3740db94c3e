// Finds stop texts in a stream of pieces, and holds back what may turn out to be the beginning of one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quipu::engine {

class StopText {
 public:
  explicit StopText(std::vector<std::string> stops);

  // What of the text so far can be handed out. Once a stop text was found: what stood before it, then nothing.
  std::string push(std::string_view piece);
  // What was held back at the end.
  std::string finish();
  [[nodiscard]] bool found() const { return found_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool found_ = false;
};

}  // namespace quipu::engine
