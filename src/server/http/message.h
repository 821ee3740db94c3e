// Requests and answers of HTTP, without the library behind them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace quipu::server {

struct Header {
  std::string name, value;
};

struct Request {
  std::string method;                                      // "POST"
  std::string path;                                        // percent-decoded, without prefix and query: "/v1/models"
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded
  std::vector<Header> headers;                             // in the order of the request
  std::string body;
  std::string id;            // of the request: the client's X-Request-Id, or one of ours
  std::string peer;          // the client's address; "unix" for a Unix socket
  bool on_loopback = false;  // came in over a loopback address

  // The value of a header (the first one), whatever the case of its name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<Header> headers;  // beyond those that every answer has
};

struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
};
// Takes a request target ("/v1/models?a=b", or with scheme and host) apart. Errors: escapes that are none, bytes 0,
// invalid UTF-8, a path that leaves its root.
Result<Target> parse_target(std::string_view target);

// The path behind the prefix, or nothing if it does not stand below it. `prefix`: "" or "/a/b" without a slash at the
// end. "/a" does not stand below the prefix "/ab".
std::optional<std::string_view> below_prefix(std::string_view path, std::string_view prefix);

// "Not Found".
std::string_view reason_phrase(int status);

// What a client may call a request or a function: 1 to 64 letters, digits, '-', '_', '.'.
bool is_plain_name(std::string_view text);

// Whether two texts are equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace quipu::server
