#include "server/api/anthropic_errors.h"

namespace quipu::server {

Json anthropic_error_json(const ApiError& error, const std::string& request_id) {
  const char* type = error.status == 401   ? "authentication_error"
                     : error.status == 403 ? "permission_error"
                     : error.status == 404 ? "not_found_error"
                     : error.status == 413 ? "request_too_large"
                     : error.status == 429 ? "rate_limit_error"
                     : error.status == 503 ? "overloaded_error"
                     : error.status >= 500 ? "api_error"
                                           : "invalid_request_error";
  return {{"type", "error"}, {"error", {{"type", type}, {"message", error.message}}}, {"request_id", request_id}};
}

Response anthropic_error_response(const ApiError& error, const std::string& request_id) {
  Response response = error_response(error);
  response.body = json_text(anthropic_error_json(error, request_id));
  return response;
}

}  // namespace quipu::server
