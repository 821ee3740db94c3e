// JSON of clients: strictly parsed, with limits.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quipu::server {

// Keys keep their order: templates and schemas show it.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t max_depth = 100;            // deeper than any schema in use, far from what the stack holds
  size_t max_values = 2'000'000;     // a prompt of a million ids fits
  size_t max_key_work = 20'000'000;  // a key costs as much as its object has keys before: looking for it is linear
};

// Errors: what is no JSON (with the byte where it ends to be), invalid UTF-8, a key that occurs twice in an object,
// limits. Their messages begin with "$".
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// In one line. Bytes that are not valid UTF-8 come out as U+FFFD.
std::string json_text(const Json& json);

}  // namespace quipu::server
