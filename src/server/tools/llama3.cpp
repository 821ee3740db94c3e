#include <algorithm>

#include "server/tools/call_reader.h"
#include "server/tools/python_call.h"
#include "server/tools/readers.h"

namespace quipu::server {
namespace {

constexpr std::string_view kTag = "<|python_tag|>";
// The tools that Llama's own name for Python code means.
constexpr std::string_view kCodeTools[]{"code_interpreter", "python", "ipython"};

class Llama3Reader : public CallReader {
 public:
  explicit Llama3Reader(std::vector<std::string> names) : CallReader(std::move(names), /*strict=*/true) {}

  void finish(ToolEvents& events) override {
    if (at_ == At::call) finish_call(events);
    if (at_ == At::python) finish_python(events);
    if (at_ == At::start || at_ == At::text || at_ == At::tagged) give_up(events);
  }

 private:
  enum class At : uint8_t { start, text, call, between, tagged, python };

  // What was held back is text.
  void give_up(ToolEvents& events) {
    held_ += std::exchange(pending_, {});
    give_up_held(events);
    at_ = At::text;
  }

  bool advance(ToolEvents& events) override {
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
      begin_call();
      at_ = At::call;
      return true;
    }
    at_ = At::text;
    return true;
  }

  bool read_text(ToolEvents& events) {
    if (!find_call(kTag, events)) return false;
    at_ = At::tagged;
    return true;
  }

  bool read_call(ToolEvents& events) {
    const CallJson::State state = read_call_json(events);
    if (state == CallJson::State::more) return false;
    if (state == CallJson::State::broken && !is_handed_out()) {
      give_up_held(events);
      at_ = At::text;
    } else {
      at_ = At::between;
    }
    return true;
  }

  // Behind a call: another one, or text.
  bool read_between() {
    const size_t begin = pending_.find_first_not_of(" \t\r\n;,");
    if (begin == std::string::npos) return false;
    if (pending_[begin] == '{') {
      held_ = pending_.substr(0, begin);
      pending_.erase(0, begin);
      begin_call();
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
      begin_call();
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
    if (const auto call = parse_python_call(pending_); call && std::ranges::find(names(), call->name) != names().end())
      return emit(call->name, json_text(call->arguments));
    for (const std::string_view tool : kCodeTools) {
      if (std::ranges::find(names(), tool) != names().end()) return emit(tool, json_text(Json{{"code", pending_}}));
    }
    give_up(events);
  }

  At at_ = At::start;
};

}  // namespace

std::unique_ptr<ToolReader> make_llama3_reader(std::vector<std::string> names) {
  return std::make_unique<Llama3Reader>(std::move(names));
}

}  // namespace quipu::server
