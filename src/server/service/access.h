// Who may use the server: API keys, and which web pages may.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/message.h"

namespace quipu::server {

// Equal texts, found out in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// From any thread.
class ApiKeys {
 public:
  // `file`: a key a line, empty lines and those that begin with '#' left out; may be empty. Errors: a file that can't
  // be read, an empty key.
  static Result<std::vector<std::string>> read(std::vector<std::string> keys, const std::string& file);

  void set(std::vector<std::string> keys);
  [[nodiscard]] bool required() const;
  // Whether the key is one of ours; all are looked at.
  [[nodiscard]] bool allows(std::string_view key) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> keys_;
};

// The key that a request carries: "Authorization: Bearer KEY", or "x-api-key: KEY" as Anthropic's clients send it.
std::string_view key_of(const Request& request);

// Pages of other sites may not use a server that its user runs for himself: browsers would let them send requests, and
// by a name that leads to 127.0.0.1 even read the answers (DNS rebinding).
class OriginRules {
 public:
  // `allowed`: further origins, such as "https://app.example"; "*" allows all.
  explicit OriginRules(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

  // Origins of this machine (localhost, 127.0.0.1, [::1], any port), that of the server itself when it is called by an
  // address, and those allowed.
  [[nodiscard]] bool allows_origin(std::string_view origin, std::string_view host) const;
  // Over a loopback address: names that are not of this machine are refused, but for the hosts of allowed origins.
  [[nodiscard]] bool allows_host(std::string_view host) const;
  // The reason to refuse a request, or nothing.
  [[nodiscard]] std::optional<std::string> refusal(const Request& request, bool has_key) const;
  // The CORS headers of the answer: none for a request without an allowed origin.
  [[nodiscard]] std::vector<Header> headers(const Request& request) const;

 private:
  std::vector<std::string> allowed_;
};

}  // namespace quipu::server
