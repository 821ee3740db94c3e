// The main modes.
#pragma once

#include "base/result.h"
#include "cli/subcommands.h"

namespace quipu::cli {

Result<int> run_completion(const Invocation& invocation);
Result<int> run_chat_mode(const Invocation& invocation);
Result<int> run_server(const Invocation& invocation);
Result<int> run_licenses(const Invocation& invocation);

}  // namespace quipu::cli
