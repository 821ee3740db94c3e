#include "base/check.h"

#include <cstdio>
#include <cstdlib>

#include "base/result.h"

namespace quipu::detail {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "quipu: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

void abort_on_bad_access(const char* message) {
  std::fprintf(stderr, "quipu: internal error: unchecked result: %s\n", message);
  std::abort();
}

}  // namespace quipu::detail
