#include "server/tools/call_reader.h"
#include "server/tools/readers.h"

namespace quipu::server {
namespace {

constexpr std::string_view kBegin = "<tool_call>", kEnd = "</tool_call>";

class HermesReader : public CallReader {
 public:
  explicit HermesReader(std::vector<std::string> names) : CallReader(std::move(names), /*strict=*/false) {}

  void finish(ToolEvents& events) override {
    if (at_ == At::text) {
      hand_out(pending_, events);
    } else if (at_ == At::call) {
      finish_call(events);
    } else if (!is_blank(pending_) && !kEnd.starts_with(pending_)) {
      hand_out(pending_, events);
    }
    pending_.clear();
  }

 private:
  enum class At : uint8_t { text, call, after_call };

  bool advance(ToolEvents& events) override {
    switch (at_) {
      case At::text:
        if (!find_call(kBegin, events)) return false;
        begin_call();
        at_ = At::call;
        return true;
      case At::call: {
        const CallJson::State state = read_call_json(events);
        if (state == CallJson::State::more) return false;
        if (state == CallJson::State::broken && !is_handed_out()) give_up_held(events);
        at_ = state == CallJson::State::done ? At::after_call : At::text;
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

  At at_ = At::text;
};

}  // namespace

std::unique_ptr<ToolReader> make_hermes_reader(std::vector<std::string> names) {
  return std::make_unique<HermesReader>(std::move(names));
}

}  // namespace quipu::server
