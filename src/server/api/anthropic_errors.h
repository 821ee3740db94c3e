// Errors in the shape of Anthropic's API.
#pragma once

#include "server/api/errors.h"

namespace quipu::server {

Json anthropic_error_json(const ApiError& error, const std::string& request_id);
Response anthropic_error_response(const ApiError& error, const std::string& request_id);

}  // namespace quipu::server
