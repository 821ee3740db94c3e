#include "server/api/json.h"

#include <unordered_set>

namespace quipu::server {
namespace {

size_t depth_of(std::string_view text) {
  size_t depth = 0, deepest = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') i++;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      depth--;
    }
  }
  return deepest;
}

// Finds where a text ceases to be JSON.
struct ErrorFinder : nlohmann::json_sax<Json> {
  size_t position = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception&) override {
    position = at;
    return false;
  }
};

// Counts values and keys while they are parsed; what is over a limit is not kept.
class Watch {
 public:
  explicit Watch(const JsonLimits& limits) : limits_(limits) {}

  bool operator()(int, Json::parse_event_t event, Json& parsed) {
    if (!error_.empty()) return false;
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys_.empty()) keys_.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      key_work_ += keys_.back().size() + 1;
      if (key_work_ > limits_.max_key_work) error_ = "$: objects with too many keys";
      if (!keys_.back().insert(key).second) error_ = fmt::format("$: the key '{}' occurs twice in an object", key);
    }
    const bool is_value = event == Json::parse_event_t::value || event == Json::parse_event_t::object_start ||
                          event == Json::parse_event_t::array_start;
    if (is_value && ++n_values_ > limits_.max_values)
      error_ = fmt::format("$: more than {} values", limits_.max_values);
    return error_.empty();
  }

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  const JsonLimits& limits_;
  std::vector<std::unordered_set<std::string>> keys_;
  size_t n_values_ = 0, key_work_ = 0;
  std::string error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (depth_of(text) > limits.max_depth)
    return error_of(ErrorKind::limit_exceeded, "$: nested more than {} deep", limits.max_depth);
  Watch watch(limits);
  Json json = Json::parse(
      text, [&](int depth, Json::parse_event_t event, Json& parsed) { return watch(depth, event, parsed); },
      /*allow_exceptions=*/false);
  if (!watch.error().empty()) return invalid_input("{}", watch.error());
  if (!json.is_discarded()) return json;
  ErrorFinder finder;
  Json::sax_parse(text, &finder);
  return invalid_input("$: not valid JSON (UTF-8) at byte {}", finder.position);
}

std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace quipu::server
