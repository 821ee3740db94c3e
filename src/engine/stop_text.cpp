#include "engine/stop_text.h"

#include <algorithm>
#include <utility>

namespace quipu::engine {

StopText::StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopText::push(std::string_view piece) {
  if (found_) return {};
  held_ += piece;
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    found_ = true;
    held_.resize(first);
    return std::exchange(held_, {});
  }
  size_t n_kept = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > n_kept; n--)
      if (held_.ends_with(std::string_view(stop).substr(0, n))) n_kept = n;
  }
  std::string ready = held_.substr(0, held_.size() - n_kept);
  held_.erase(0, ready.size());
  return ready;
}

std::string StopText::finish() {
  return std::exchange(held_, {});
}

}  // namespace quipu::engine
