// Errors in the shape of the OpenAI API.
#pragma once

#include <string>

#include "base/result.h"
#include "server/api/json.h"
#include "server/http/message.h"

namespace quipu::server {

// What a client is told.
struct ApiError {
  int status = 400;
  std::string type = "invalid_request_error";
  std::string message;
  std::string param;  // the field, or empty
  std::string code;   // or empty
};

// Errors of requests begin with the path of the field, "$.messages[0].role: ...", which becomes `param`. Kinds become
// statuses: invalid_input, unsupported and limit_exceeded 400, not_found 404, busy 429, out_of_memory and cancelled
// 503, io 500.
ApiError api_error(const Error& error);
// For a status that HTTP gave.
ApiError api_error(int status, const std::string& message);

Json error_json(const ApiError& error);
Response error_response(const ApiError& error);
// 200 with this content.
Response json_response(const Json& content);

}  // namespace quipu::server
