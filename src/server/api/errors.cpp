#include "server/api/errors.h"

namespace quipu::server {
namespace {

struct Kind {
  int status;
  const char* type;
  const char* code;
};

Kind kind_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input:
      return {400, "invalid_request_error", "invalid_value"};
    case ErrorKind::unsupported:
      return {400, "invalid_request_error", "unsupported_value"};
    case ErrorKind::limit_exceeded:
      return {400, "invalid_request_error", "limit_exceeded"};
    case ErrorKind::not_found:
      return {404, "invalid_request_error", "not_found"};
    case ErrorKind::busy:
      return {429, "rate_limit_error", "queue_full"};
    case ErrorKind::out_of_memory:
      return {503, "server_error", "out_of_memory"};
    case ErrorKind::cancelled:
      return {503, "server_error", "shutting_down"};
    case ErrorKind::io:
      return {500, "server_error", "io_error"};
  }
  return {500, "server_error", ""};
}

}  // namespace

ApiError api_error(const Error& error) {
  const Kind kind = kind_of(error.kind);
  ApiError out{kind.status, kind.type, error.message, {}, kind.code};
  if (!error.message.starts_with("$")) return out;
  const size_t colon = error.message.find(": ");
  if (colon == std::string::npos) return out;
  std::string_view path = std::string_view(error.message).substr(1, colon - 1);
  if (path.starts_with('.')) path.remove_prefix(1);
  out.param = std::string(path);
  out.message = error.message.substr(colon + 2);
  if (!out.param.empty()) out.message = fmt::format("'{}' {}", out.param, out.message);
  if (out.param.empty()) out.message = "the request's body: " + out.message;
  return out;
}

ApiError api_error(int status, const std::string& message) {
  const bool ours = status >= 500;
  const char* type = status == 401   ? "authentication_error"
                     : status == 403 ? "permission_error"
                     : status == 429 ? "rate_limit_error"
                     : ours          ? "server_error"
                                     : "invalid_request_error";
  return {status, type, message, {}, status == 401 ? "invalid_api_key" : ""};
}

Json error_json(const ApiError& error) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  return {{"error",
           {{"message", error.message},
            {"type", error.type},
            {"param", or_null(error.param)},
            {"code", or_null(error.code)}}}};
}

Response json_response(const Json& content) {
  return {200, "application/json", json_text(content), {}};
}

Response error_response(const ApiError& error) {
  Response response{error.status, "application/json", json_text(error_json(error)), {}};
  if (error.status == 429 || error.status == 503) response.headers.push_back({"Retry-After", "1"});
  if (error.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  return response;
}

}  // namespace quipu::server
