// Files of a folder (--path), for web pages that call the server.
#pragma once

#include <string>

#include "server/http/exchange.h"

namespace quipu::server {

// The file that the request's path names below `folder`; a folder means its index.html. Nothing outside of it, however
// it is linked.
void serve_file(const std::string& folder, Exchange& exchange);

}  // namespace quipu::server
