#include <optional>

#include "server/tools/call_json.h"
#include "server/tools/marker.h"
#include "server/tools/readers.h"

namespace quipu::server {
namespace {

constexpr std::string_view kBegin = "<tool_call>", kEnd = "</tool_call>";

class HermesReader : public ToolReader {
 public:
  explicit HermesReader(std::vector<std::string> names) : names_(std::move(names)) {}

  void push(std::string_view text, ToolEvents& events) override {
    pending_ += text;
    while (advance(events)) {
    }
  }

  void finish(ToolEvents& events) override {
    if (at_ == At::text) {
      hand_out(pending_, events);
    } else if (at_ == At::call && !call_->committed()) {
      hand_out(held_ + pending_, events);
    } else if (at_ == At::call) {
      events.on_call_end();
    } else if (!is_blank(pending_) && !kEnd.starts_with(pending_)) {
      hand_out(pending_, events);
    }
    pending_.clear();
  }

 private:
  enum class At : uint8_t { text, call, after_call };

  void hand_out(std::string_view text, ToolEvents& events) {
    text = without_space(text, &skips_space_);
    if (!text.empty()) events.on_text(text);
  }

  // One step through `pending_`; false when more text is needed.
  bool advance(ToolEvents& events) {
    switch (at_) {
      case At::text: {
        const MarkerPlace place = find_marker(pending_, kBegin);
        hand_out(std::string_view(pending_).substr(0, place.begin), events);
        pending_.erase(0, place.begin);
        if (!place.whole) return false;
        held_ = kBegin;
        pending_.erase(0, kBegin.size());
        call_.emplace(names_, /*strict=*/false);
        at_ = At::call;
        return true;
      }
      case At::call: {
        if (pending_.empty()) return false;
        size_t n_taken = 0;
        const CallJson::State state = call_->push(pending_, &n_taken, events);
        if (!call_->committed()) held_.append(pending_, 0, n_taken);
        pending_.erase(0, n_taken);
        if (state == CallJson::State::more) return false;
        if (state == CallJson::State::done) {
          skips_space_ = true;
          at_ = At::after_call;
          return true;
        }
        if (call_->committed()) {
          events.on_call_end();
          skips_space_ = true;
        } else {
          hand_out(held_, events);
        }
        at_ = At::text;
        return true;
      }
      case At::after_call: {
        const size_t begin = pending_.find_first_not_of(" \t\r\n");
        if (begin == std::string::npos) return false;
        const std::string_view rest = std::string_view(pending_).substr(begin);
        if (rest.size() < kEnd.size() && kEnd.starts_with(rest)) return false;
        if (rest.starts_with(kEnd)) pending_.erase(0, begin + kEnd.size());
        at_ = At::text;
        return true;
      }
    }
    return false;
  }

  std::vector<std::string> names_;
  At at_ = At::text;
  std::optional<CallJson> call_;
  std::string pending_;  // not looked at yet
  std::string held_;     // of a call that may be none
  bool skips_space_ = false;
};

}  // namespace

std::unique_ptr<ToolReader> make_hermes_reader(std::vector<std::string> names) {
  return std::make_unique<HermesReader>(std::move(names));
}

}  // namespace quipu::server
