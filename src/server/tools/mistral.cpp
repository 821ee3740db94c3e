#include <algorithm>

#include "server/tools/call_reader.h"
#include "server/tools/readers.h"

namespace quipu::server {
namespace {

constexpr std::string_view kBegin = "[TOOL_CALLS]", kArguments = "[ARGS]", kCallId = "[CALL_ID]";
constexpr size_t kMostName = 256;

class MistralReader : public CallReader {
 public:
  explicit MistralReader(std::vector<std::string> names) : CallReader(std::move(names), /*strict=*/false) {}

  void finish(ToolEvents& events) override {
    if (at_ == At::text) hand_out(pending_, events);
    if (at_ == At::marked || at_ == At::name) hand_out(held_ + pending_, events);
    if (at_ == At::element) finish_call(events);
    if (at_ == At::arguments) events.on_call_end();
    pending_.clear();
  }

 private:
  enum class At : uint8_t { text, marked, element, between, name, arguments };

  void give_up(ToolEvents& events) {
    give_up_held(events);
    at_ = At::text;
  }

  bool advance(ToolEvents& events) override {
    switch (at_) {
      case At::text:
        return read_text(events);
      case At::marked:
        return read_kind();
      case At::element:
        return read_element(events);
      case At::between:
        return read_between();
      case At::name:
        return read_name(events);
      case At::arguments:
        return read_arguments(events);
    }
    return false;
  }

  bool read_text(ToolEvents& events) {
    if (!find_call(kBegin, events)) return false;
    at_ = At::marked;
    return true;
  }

  bool read_kind() {
    const size_t begin = pending_.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return false;
    held_.append(pending_, 0, begin);
    pending_.erase(0, begin);
    if (pending_[0] == '[') {
      held_ += '[';
      pending_.erase(0, 1);
      begin_call();
      at_ = At::element;
    } else {
      at_ = At::name;
    }
    return true;
  }

  bool read_element(ToolEvents& events) {
    const CallJson::State state = read_call_json(events);
    if (state == CallJson::State::more) return false;
    if (state == CallJson::State::done) {
      at_ = At::between;
    } else if (is_handed_out()) {
      at_ = At::text;
    } else {
      give_up(events);
    }
    return true;
  }

  // Behind an element of the list.
  bool read_between() {
    const size_t begin = pending_.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return false;
    const char c = pending_[begin];
    if (c == ',' || c == ']') pending_.erase(0, begin + 1);
    if (c == ',') {
      held_ = ",";
      begin_call();
      at_ = At::element;
    } else {
      at_ = At::text;
    }
    return true;
  }

  // name[ARGS]{...}, perhaps with [CALL_ID]id before [ARGS].
  bool read_name(ToolEvents& events) {
    const size_t brace = pending_.find('{');
    if (brace == std::string::npos) {
      if (pending_.size() < kMostName) return false;
      held_ += std::exchange(pending_, {});
      give_up(events);
      return true;
    }
    std::string_view name = std::string_view(pending_).substr(0, brace);
    if (name.find(kArguments) != std::string_view::npos) name = name.substr(0, name.find(kArguments));
    if (name.find(kCallId) != std::string_view::npos) name = name.substr(0, name.find(kCallId));
    while (!name.empty() && is_blank(name.substr(name.size() - 1))) name.remove_suffix(1);
    if (std::ranges::find(names(), name) == names().end()) {
      held_.append(pending_, 0, brace);
      pending_.erase(0, brace);
      give_up(events);
      return true;
    }
    events.on_call(name);
    pending_.erase(0, brace);
    depth_ = 0;
    in_text_ = escaped_ = false;
    at_ = At::arguments;
    return true;
  }

  bool read_arguments(ToolEvents& events) {
    size_t n = 0;
    bool done = false;
    while (n < pending_.size() && !done) {
      const char c = pending_[n++];
      if (escaped_) {
        escaped_ = false;
      } else if (in_text_) {
        escaped_ = c == '\\';
        in_text_ = c != '"';
      } else if (c == '"') {
        in_text_ = true;
      } else if (c == '{' || c == '[') {
        depth_++;
      } else if (c == '}' || c == ']') {
        done = --depth_ == 0;
      }
    }
    if (n > 0) events.on_arguments(std::string_view(pending_).substr(0, n));
    pending_.erase(0, n);
    if (!done) return false;
    events.on_call_end();
    skips_space_ = true;
    at_ = At::text;
    return true;
  }

  At at_ = At::text;
  size_t depth_ = 0;
  bool in_text_ = false, escaped_ = false;
};

}  // namespace

std::unique_ptr<ToolReader> make_mistral_reader(std::vector<std::string> names) {
  return std::make_unique<MistralReader>(std::move(names));
}

}  // namespace quipu::server
