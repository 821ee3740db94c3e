#include <algorithm>
#include <optional>

#include "server/tools/call_json.h"
#include "server/tools/marker.h"
#include "server/tools/python_call.h"
#include "server/tools/readers.h"

namespace quipu::server {
namespace {

constexpr std::string_view kTag = "<|python_tag|>";
// The tools that Llama's own name for Python code means.
constexpr std::string_view kCodeTools[]{"code_interpreter", "python", "ipython"};

class Llama3Reader : public ToolReader {
 public:
  explicit Llama3Reader(std::vector<std::string> names) : names_(std::move(names)) {}

  void push(std::string_view text, ToolEvents& events) override {
    pending_ += text;
    while (advance(events)) {
    }
  }

  void finish(ToolEvents& events) override {
    if (at_ == At::call && call_->committed()) events.on_call_end();
    if (at_ == At::call && !call_->committed()) give_up(events);
    if (at_ == At::python) finish_python(events);
    if (at_ == At::start || at_ == At::text || at_ == At::tagged) give_up(events);
  }

 private:
  enum class At : uint8_t { start, text, call, between, tagged, python };

  void hand_out(std::string_view text, ToolEvents& events) {
    text = without_space(text, &skips_space_);
    if (!text.empty()) events.on_text(text);
  }

  // What was held back is text.
  void give_up(ToolEvents& events) {
    const std::string text = std::exchange(held_, {}) + std::exchange(pending_, {});
    hand_out(text, events);
    at_ = At::text;
  }

  bool advance(ToolEvents& events) {
    switch (at_) {
      case At::start:
        return read_start();
      case At::text:
        return read_text(events);
      case At::call:
        return read_call(events);
      case At::between:
        return read_between();
      case At::tagged:
        return read_tagged();
      case At::python:
        return false;  // its end is the answer's
    }
    return false;
  }

  bool read_start() {
    const size_t begin = pending_.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return false;
    if (pending_[begin] == '{') {
      call_.emplace(names_, /*strict=*/true);
      at_ = At::call;
      return true;
    }
    at_ = At::text;
    return true;
  }

  bool read_text(ToolEvents& events) {
    const MarkerPlace place = find_marker(pending_, kTag);
    const std::string_view text = std::string_view(pending_).substr(0, place.begin);
    hand_out(text, events);
    pending_.erase(0, place.begin);
    if (!place.whole) return false;
    held_ = kTag;
    pending_.erase(0, kTag.size());
    at_ = At::tagged;
    return true;
  }

  bool read_call(ToolEvents& events) {
    if (pending_.empty()) return false;
    size_t n_taken = 0;
    const CallJson::State state = call_->push(pending_, &n_taken, events);
    if (!call_->committed()) held_.append(pending_, 0, n_taken);
    pending_.erase(0, n_taken);
    if (state == CallJson::State::more) return false;
    if (state == CallJson::State::broken && !call_->committed()) {
      const std::string rest = std::exchange(pending_, {});
      give_up(events);
      pending_ = rest;
      return true;
    }
    if (state == CallJson::State::broken) events.on_call_end();
    skips_space_ = true;
    held_.clear();
    at_ = At::between;
    return true;
  }

  // Behind a call: another one, or text.
  bool read_between() {
    const size_t begin = pending_.find_first_not_of(" \t\r\n;,");
    if (begin == std::string::npos) return false;
    if (pending_[begin] == '{') {
      held_ = pending_.substr(0, begin);
      pending_.erase(0, begin);
      call_.emplace(names_, /*strict=*/true);
      at_ = At::call;
    } else {
      at_ = At::text;
    }
    return true;
  }

  bool read_tagged() {
    const size_t begin = pending_.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return false;
    if (pending_[begin] == '{') {
      call_.emplace(names_, /*strict=*/true);
      at_ = At::call;
    } else {
      at_ = At::python;
    }
    return true;
  }

  void finish_python(ToolEvents& events) {
    const auto emit = [&](std::string_view name, const std::string& arguments) {
      events.on_call(name);
      events.on_arguments(arguments);
      events.on_call_end();
      skips_space_ = true;
      pending_.clear();
      held_.clear();
    };
    if (const auto call = parse_python_call(pending_); call && std::ranges::find(names_, call->name) != names_.end())
      return emit(call->name, json_text(call->arguments));
    for (const std::string_view tool : kCodeTools) {
      if (std::ranges::find(names_, tool) != names_.end()) return emit(tool, json_text(Json{{"code", pending_}}));
    }
    give_up(events);
  }

  std::vector<std::string> names_;
  At at_ = At::start;
  std::optional<CallJson> call_;
  std::string pending_, held_;
  bool skips_space_ = false;
};

}  // namespace

std::unique_ptr<ToolReader> make_llama3_reader(std::vector<std::string> names) {
  return std::make_unique<Llama3Reader>(std::move(names));
}

}  // namespace quipu::server
