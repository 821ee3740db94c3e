// What the readers of all formats share: what they hold back, hand out as text, and read as a call's JSON.
#pragma once

#include <optional>

#include "server/tools/call_json.h"
#include "server/tools/marker.h"

namespace quipu::server {

class CallReader : public ToolReader {
 public:
  void push(std::string_view text, ToolEvents& events) final;

 protected:
  // `strict`: as CallJson's.
  CallReader(std::vector<std::string> names, bool strict) : names_(std::move(names)), strict_(strict) {}

  // One step through `pending_`; false when more text is needed.
  virtual bool advance(ToolEvents& events) = 0;

  void hand_out(std::string_view text, ToolEvents& events);
  // What was held back is text.
  void give_up_held(ToolEvents& events);
  // Hands out the text before a marker. True when the marker is there: then it is held back, and `pending_` is what
  // stands behind it.
  bool find_call(std::string_view marker, ToolEvents& events);

  void begin_call() { call_.emplace(names_, strict_); }
  // Reads on in the call that was begun, and ends it where it breaks off after it was handed out. Broken before that,
  // it is in `held_`.
  CallJson::State read_call_json(ToolEvents& events);
  // The answer is over in the middle of a call.
  void finish_call(ToolEvents& events);
  [[nodiscard]] bool is_handed_out() const { return call_->committed(); }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  std::string pending_;       // not looked at yet
  std::string held_;          // of a call that may be none
  bool skips_space_ = false;  // behind a call

 private:
  std::vector<std::string> names_;
  bool strict_;
  std::optional<CallJson> call_;
};

}  // namespace quipu::server
