// Where the library's remarks go. The library never prints: a caller passes a Log, an empty one is silent.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace quipu {

enum class LogLevel : uint8_t { debug, info, warning, error };

// Called from any thread, one line a call, no newline at the end.
using Log = std::function<void(LogLevel, std::string_view)>;

inline void log_to(const Log& log, LogLevel level, std::string_view line) {
  if (log) log(level, line);
}

}  // namespace quipu
