// Aborts on our own mistakes, in release builds too. Never for anything that input can cause.
#pragma once

namespace quipu::detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define QUIPU_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::quipu::detail::check_failed(#condition, __FILE__, __LINE__))
