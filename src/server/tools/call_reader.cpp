#include "server/tools/call_reader.h"

namespace quipu::server {

void CallReader::push(std::string_view text, ToolEvents& events) {
  pending_ += text;
  while (advance(events)) {
  }
}

void CallReader::hand_out(std::string_view text, ToolEvents& events) {
  text = without_space(text, &skips_space_);
  if (!text.empty()) events.on_text(text);
}

void CallReader::give_up_held(ToolEvents& events) {
  hand_out(held_, events);
  held_.clear();
}

bool CallReader::find_call(std::string_view marker, ToolEvents& events) {
  const MarkerPlace place = find_marker(pending_, marker);
  hand_out(std::string_view(pending_).substr(0, place.begin), events);
  pending_.erase(0, place.begin);
  if (!place.whole) return false;
  held_ = marker;
  pending_.erase(0, marker.size());
  return true;
}

CallJson::State CallReader::read_call_json(ToolEvents& events) {
  if (pending_.empty()) return CallJson::State::more;
  size_t n_taken = 0;
  const CallJson::State state = call_->push(pending_, &n_taken, events);
  if (!call_->committed()) held_.append(pending_, 0, n_taken);
  pending_.erase(0, n_taken);
  const bool broken_off = state == CallJson::State::broken && call_->committed();
  if (broken_off) events.on_call_end();
  if (broken_off || state == CallJson::State::done) {
    skips_space_ = true;
    held_.clear();
  }
  return state;
}

void CallReader::finish_call(ToolEvents& events) {
  if (call_->committed())
    events.on_call_end();
  else
    hand_out(held_ + pending_, events);
}

}  // namespace quipu::server
