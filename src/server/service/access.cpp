#include "server/service/access.h"

#include <algorithm>
#include <charconv>

#include "platform/platform.h"

namespace quipu::server {
namespace {

constexpr uint64_t kMaxKeyFileBytes = 1U << 20;

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// The host of "host:port" or "[v6]:port", without the port.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']') + 1, host.size()));
  return host.substr(0, host.find(':'));
}

std::string_view host_of_origin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

bool is_ipv4(std::string_view host) {
  int n_parts = 0;
  while (!host.empty()) {
    const std::string_view part = host.substr(0, host.find('.'));
    int value = -1;
    const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (code != std::errc() || end != part.data() + part.size() || value < 0 || value > 255) return false;
    n_parts++;
    host.remove_prefix(std::min(part.size() + 1, host.size()));
  }
  return n_parts == 4;
}

bool is_address(std::string_view host) {
  return (host.starts_with('[') && host.ends_with(']')) || is_ipv4(host);
}

bool is_local_name(std::string_view host) {
  constexpr std::string_view kSuffix = ".localhost";
  return equal_ignoring_case(host, "localhost") || host == "[::1]" || (is_ipv4(host) && host.starts_with("127.")) ||
         (host.size() > kSuffix.size() && equal_ignoring_case(host.substr(host.size() - kSuffix.size()), kSuffix));
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  volatile unsigned char difference = a.size() == b.size() ? 0 : 1;
  // Always as long as `a`, which is the secret, whatever the other is.
  for (size_t i = 0; i < a.size(); i++) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference = static_cast<unsigned char>(difference | (static_cast<unsigned char>(a[i] ^ other)));
  }
  return difference == 0;
}

Result<std::vector<std::string>> ApiKeys::read(std::vector<std::string> keys, const std::string& file) {
  if (!file.empty()) {
    QUIPU_TRY(const std::string content, platform::read_file(file, kMaxKeyFileBytes));
    for (size_t begin = 0; begin < content.size();) {
      const size_t end = std::min(content.find('\n', begin), content.size());
      const std::string_view line = trimmed(std::string_view(content).substr(begin, end - begin));
      if (!line.empty() && !line.starts_with('#')) keys.emplace_back(line);
      begin = end + 1;
    }
    // An empty file must not open a server that somebody wanted closed.
    if (keys.empty()) return invalid_input("{}: there is no key in it", file);
  }
  if (std::ranges::any_of(keys, [](const std::string& key) { return key.empty(); }))
    return invalid_input("--api-key: a key must not be empty");
  return keys;
}

void ApiKeys::set(std::vector<std::string> keys) {
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
}

bool ApiKeys::required() const {
  const std::lock_guard lock(mutex_);
  return !keys_.empty();
}

bool ApiKeys::allows(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  bool found = false;
  for (const std::string& ours : keys_) {
    if (equal_in_constant_time(ours, key)) found = true;
  }
  return found;
}

std::string_view key_of(const Request& request) {
  if (const auto value = request.header("Authorization")) {
    constexpr std::string_view kScheme = "Bearer ";
    if (value->size() > kScheme.size() && equal_ignoring_case(value->substr(0, kScheme.size()), kScheme))
      return trimmed(value->substr(kScheme.size()));
  }
  return request.header("x-api-key").value_or("");
}

bool OriginRules::allows_origin(std::string_view origin, std::string_view host) const {
  for (const std::string& allowed : allowed_) {
    if (allowed == "*" || equal_ignoring_case(allowed, origin)) return true;
  }
  const std::string_view authority = host_of_origin(origin);
  if (authority.empty()) return false;
  if (is_local_name(without_port(authority))) return true;
  return is_address(without_port(host)) && equal_ignoring_case(authority, host);
}

bool OriginRules::allows_host(std::string_view host) const {
  const std::string_view name = without_port(host);
  if (name.empty() || is_local_name(name) || is_address(name)) return true;
  return std::ranges::any_of(allowed_, [&](const std::string& allowed) {
    return allowed == "*" || equal_ignoring_case(without_port(host_of_origin(allowed)), name);
  });
}

std::optional<std::string> OriginRules::refusal(const Request& request, bool has_key) const {
  const std::string_view host = request.header("Host").value_or("");
  if (const auto origin = request.header("Origin"); origin && !allows_origin(*origin, host))
    return fmt::format("pages of this origin may not use the server; --cors-origin allows them");
  if (!has_key && request.on_loopback && !allows_host(host))
    return fmt::format("the server does not go by this name; --cors-origin allows it");
  return std::nullopt;
}

std::vector<Header> OriginRules::headers(const Request& request) const {
  const auto origin = request.header("Origin");
  if (!origin || !allows_origin(*origin, request.header("Host").value_or(""))) return {};
  std::vector<Header> headers{{"Access-Control-Allow-Origin", std::string(*origin)},
                              {"Vary", "Origin"},
                              {"Access-Control-Expose-Headers", "X-Request-Id, Retry-After"}};
  if (request.method == "OPTIONS") {
    headers.push_back({"Access-Control-Allow-Methods", "GET, POST, OPTIONS"});
    headers.push_back({"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, X-Api-Key, X-Request-Id, Anthropic-Version, Anthropic-Beta, "
                       "OpenAI-Organization, OpenAI-Project, OpenAI-Beta, X-Stainless-Arch, X-Stainless-Lang, "
                       "X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, "
                       "X-Stainless-Runtime-Version, X-Stainless-Timeout, Anthropic-Dangerous-Direct-Browser-Access"});
    headers.push_back({"Access-Control-Max-Age", "86400"});
  }
  return headers;
}

}  // namespace quipu::server
